"""Files of predictions, counts and priors, damaged: each is read, or refused in one line that names the file."""

import io
import json
import random
import warnings

import mutate
import numpy as np
import pandas as pd
import pytest

from longtail import api
from longtail.adjust import read_predictions
from longtail.adjust.inputs import softmax

CELLS = (
    "", "NA", "nan", "inf", "-1", "2", "1e400", "0,5", "1,163.74", "x", "'", '"', "=1", "\x00", "é", "1 ", "[0.1]",
    "None", "True", "0x1p-2", "1_000", "9" * 400, "\u202f1", "3",
)  # fmt: skip


def table(rng):
    k = rng.choice((1, 2, 3, 5))
    p = np.random.default_rng(rng.randrange(100)).dirichlet(np.ones(max(2, k)), 6)[:, :k]
    names = rng.choice((["0", "1", "2", "3", "4"], ["3", "5", "6", "7", "9"], ["a", "NA", "=b", "-1", "é"]))[
        :k
    ]
    names = ["1"] if k == 1 else names
    prefix = "p_" if k == 1 else rng.choice(("p_", "p_", "logit_", ""))
    values = np.log(p) if prefix == "logit_" else p
    out = pd.DataFrame(values, columns=[prefix + n for n in names])
    out.insert(0, "id", range(6))
    out["label"] = [names[i % k] for i in range(6)]
    return out, names


def written(out, kind):
    file = io.BytesIO()
    if kind == ".parquet":
        out.to_parquet(file)
    elif kind == ".npz":
        values = out.iloc[:, 1:-1].to_numpy(dtype=float)
        key = "logits" if (values < 0).any() else "probs"
        classes = [c.rpartition("_")[2] for c in out.columns[1:-1]]
        named = {"classes": classes} if len(classes) > 1 else {}
        np.savez(file, **{key: values}, label=out.label.to_numpy(dtype=str), **named)
    elif kind == ".jsonl":
        out.to_json(file, orient="records", lines=True)
    else:
        packed = {".gz": "gzip", ".xz": "xz", ".bz2": "bz2"}.get(kind[4:])
        out.to_csv(file, index=False, sep="\t" if kind == ".tsv" else ",", compression=packed)
    return file.getvalue()


def said_kind(out):
    """Needed where columns are bare class names."""
    return None if any(c.startswith(("p_", "logit_")) for c in out.columns) else "probabilities"


def fuzz(folder, seeds):
    """How many were read."""
    read = 0
    for seed in seeds:
        rng = random.Random(seed)
        out, names = table(rng)
        kind = rng.choice(
            (".csv", ".csv", ".tsv", ".parquet", ".npz", ".jsonl", ".csv.gz", ".csv.xz", ".csv.bz2")
        )
        if rng.random() < 0.5 and kind != ".npz":
            out = out.astype(str)
            for _ in range(rng.randint(1, 3)):
                column = rng.choice((0, -1, rng.randrange(out.shape[1])))
                out.iat[rng.randrange(len(out)), column] = rng.choice(CELLS)
            raw = written(out, kind)
        else:
            raw = mutate.damaged(written(out, kind), rng)
        file, counts = folder / f"saved{kind}", folder / "counts.json"
        file.write_bytes(raw)
        given = dict.fromkeys(names, 3) if len(names) > 1 else {"0": 3, "1": 3}
        if rng.random() < 0.3:
            given = mutate.mutated(given, rng)
        counts.write_text(json.dumps(given))
        said = file.name
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = api.adjust(file, counts=counts, kind=said_kind(out), out=folder / "out")
            read += 1
            assert np.isfinite(found.predictions.logits).all(), seed
            again = read_predictions(folder / "out" / ("predictions" + kind))
            want = softmax(found.predictions.logits)
            np.testing.assert_allclose(np.exp(again.logits), want, atol=1e-9, err_msg=str(seed))
            assert (again.y is None) == (found.predictions.y is None), seed
            assert again.y is None or again.y.tolist() == found.predictions.y.tolist(), seed
        except ValueError as why:
            said = str(why)
        named = (file.name, counts.name, "counts", "prior", "resamples")
        assert any(name in said for name in named), (seed, said)
        assert "\n" not in said, (seed, said)
    return read


@pytest.mark.parametrize("start", [0, pytest.param(100, marks=pytest.mark.slow)])
def test_predictions(tmp_path, start):
    assert 10 < fuzz(tmp_path, range(start, start + 100)) < 90


@pytest.mark.slow
def test_thousands_of_predictions(tmp_path):
    fuzz(tmp_path, range(1000, 7000))
