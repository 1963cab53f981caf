"""Saved files, damaged in every way one can think of: each is read, or refused in one line that names the file."""

import contextlib
import json
import random
import resource
import time
import warnings
from functools import cache

import mutate
import numpy as np
import pytest

import longtail
from longtail import adjust
from longtail.adjust import BiasTemperature, Chain, PriorShift, Temperature, Thresholds, VectorScaling
from longtail.files import write_json
from longtail.model import Model

MEMORY = 400 * 2**10  # kilobytes that reading may add: the files are below 1 MB
SECONDS = 5.0


@cache
def adjusters():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(200, 3)), rng.integers(0, 3, 200)
    shift = PriorShift([0.7, 0.2, 0.1], to=[0.2, 0.3, 0.5])
    return [
        shift,
        Temperature(2.0),
        Chain((BiasTemperature().fit(z, y), shift)),
        VectorScaling().fit(z, y),
        Thresholds("macro_f1", weights=(1, 2, 3)),
    ]


def write(file, value, rng):
    """The mutated value with a checksum that fits, or none, or as damaged bytes."""
    value.pop("checksum", None)
    try:
        if rng.random() < 0.8:
            write_json(file, mutate.mutated(value, rng), checked=True)
            return
    except (TypeError, ValueError):  # a mutation that JSON cannot hold
        pass
    file.write_bytes(mutate.damaged(json.dumps(value), rng))


def survives(read, file, seed):
    """``read`` gives something or a ValueError that names the file, soon, in little memory, and writes nothing."""
    before = {f: f.stat().st_mtime_ns for f in file.parent.parent.rglob("*")}
    memory, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    found, said = None, file.name
    try:
        found = read()
    except ValueError as why:
        said = str(why)
    assert file.name in said or file.parent.name in said, (seed, said)
    assert time.monotonic() - began < SECONDS, seed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MEMORY, seed
    assert {f: f.stat().st_mtime_ns for f in file.parent.parent.rglob("*")} == before, seed
    return found


def fuzz_adjusters(folder, seeds):
    file, z = folder / "adjuster" / "adjuster.json", np.random.default_rng(1).normal(size=(5, 3))
    read = 0
    for seed in seeds:
        rng = random.Random(seed)
        adjust.save(rng.choice(adjusters()), file, ["a", "b", "c"])
        write(file, json.loads(file.read_text()), rng)
        found = survives(lambda: adjust.load(file), file, seed)
        if found is not None and hasattr(found, "scale"):
            read += 1
            with contextlib.suppress(
                ValueError, RuntimeError
            ):  # another number of classes, or not fitted: said
                assert np.isfinite(found(z)).all() or (np.asarray(found.bias) == -np.inf).any(), (seed, found)
    return read


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A few saved models of each kind."""
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 20, 10])
    np.savez(folder / "points.npz", X=(rng.normal(size=(90, 3)) + y[:, None]).astype("float32"), y=y)
    rows = [f"{a:.3f},{'rgb'[k]},{k}" for a, k in zip(rng.normal(size=90), y)]
    (folder / "table.csv").write_text("size,colour,label\n" + "\n".join(rows))
    (folder / "texts.tsv").write_text(
        "text\tlabel\n" + "\n".join(f"{['good', 'bad', 'odd'][k]} day {i % 7}\t{k}" for i, k in enumerate(y))
    )
    kinds = [
        ("points.npz", "ride"),
        ("points.npz", "bags"),
        ("table.csv", "focal"),
        ("table.csv", "random-forest"),
        ("texts.tsv", "tau-norm"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k, (data, recipe) in enumerate(kinds):
            longtail.train(folder / data, recipe=recipe, epochs=1, out=folder / f"model{k}")
    return [folder / f"model{k}" for k in range(len(kinds))]


def fuzz_models(models, seeds):
    whole = {folder: (folder / "model.json").read_text() for folder in models}
    try:
        return sum(one_model(models, whole, seed) for seed in seeds)
    finally:
        for folder, text in whole.items():
            (folder / "model.json").write_text(text)


def one_model(models, whole, seed):
    rng = random.Random(seed)
    folder = rng.choice(models)
    file = folder / "model.json"
    write(file, json.loads(whole[folder]), rng)
    return survives(lambda: Model.load(folder), file, seed) is not None


@pytest.mark.parametrize("start", [0, pytest.param(100, marks=pytest.mark.slow)])
def test_adjusters(tmp_path, start):
    assert 0 < fuzz_adjusters(tmp_path, range(start, start + 100)) < 90


@pytest.mark.parametrize("start", [0, pytest.param(100, marks=pytest.mark.slow)])
def test_models(models, start):
    assert 0 < fuzz_models(models, range(start, start + 100)) < 90


@pytest.mark.slow
def test_thousands_of_adjusters(tmp_path):
    fuzz_adjusters(tmp_path, range(1000, 6000))


@pytest.mark.slow
def test_thousands_of_models(models):
    fuzz_models(models, range(1000, 4000))
