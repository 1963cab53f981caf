"""Stored estimators, forged in every way one can think of: each is read, or refused in one line; none crashes.

The archives are put together again with sums that fit, as somebody would who wants to be read.
"""

import contextlib
import io
import json
import random
import re
import time
import warnings
import zipfile

import numpy as np
import pytest
import torch
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from longtail.classical.head import Fitted
from longtail.labels import Labels

SECONDS = 20
NUMBERS = (-1, 0, 2, 10**6, 2**40, 2**70)


def rows():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [50, 25, 15])
    return rng.normal(size=(90, 4)) + 2 * y[:, None], Labels.of(y)


@pytest.fixture(scope="module")
def whole():
    """Stored estimators of each kind whose insides are compiled."""
    x, labels = rows()
    estimators = [
        ExtraTreesClassifier(3), RandomForestClassifier(3), GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=3), LogisticRegression(), GaussianNB(), KNeighborsClassifier(3),
        KNeighborsClassifier(3, algorithm="ball_tree"), SVC(probability=True),
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        heads = [Fitted.of(e.fit(x, labels.y.numpy()), labels, 4) for e in estimators]
    return [head.get_extra_state().numpy().tobytes() for head in heads]


def damaged(inside, rng):
    raw = bytearray(inside)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        if rng.random() < 0.3 and len(raw) > 90:  # in the numbers, not in what says their shape
            raw[rng.randrange(80, len(raw))] = rng.choice((0, 127, 128, 255))
        else:
            raw[at] = raw[at] ^ (1 << rng.randrange(8)) if rng.random() < 0.5 else rng.randrange(256)
    return bytes(raw)


def other_numbers(schema, rng):
    spots = list(re.finditer(r'"content": ?"(-?\d+)"', schema))
    spot = rng.choice(spots)
    return schema[: spot.start(1)] + str(rng.choice(NUMBERS)) + schema[spot.end(1) :]


def forged(raw, rng):
    out, numbers = io.BytesIO(), rng.random() < 0.3
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            inside = old.read(name)
            if name == "schema.json":
                inside = other_numbers(inside.decode(), rng).encode() if numbers else inside
                json.loads(inside)
            elif not numbers and inside and rng.random() < 0.5:
                inside = damaged(inside, rng)
            new.writestr(name, inside)
    return out.getvalue()


def survives(whole, seeds):
    """How many were read."""
    x, read = torch.from_numpy(rows()[0]).float(), 0
    for seed in seeds:
        rng, head, began = random.Random(seed), Fitted(4, 3, known=3), time.monotonic()
        raw = forged(rng.choice(whole), rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                head.set_extra_state(torch.frombuffer(bytearray(raw), dtype=torch.uint8))
                said = ""
            except ValueError as why:
                said = str(why)
            assert not said or "the stored estimator" in said, (seed, said)
            if not said:
                read += 1
                with contextlib.suppress(ValueError, IndexError):  # of what it was forged into
                    head(x)
        assert time.monotonic() - began < SECONDS, seed
    return read


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_forged_estimators(whole, start):
    assert 0 < survives(whole, range(start, start + 100)) < 90


@pytest.mark.slow
def test_thousands_of_forged_estimators(whole):
    survives(whole, range(1000, 6000))
