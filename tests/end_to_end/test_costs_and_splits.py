"""Costs with every way to say which rows train and which test, as it is typed: what is reported is what is decided."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typed import here

from longtail.model import Model

COSTS = "0,5;bill,0"
"""A false alarm costs 5, a miss the bill of the row; rows below are decided so."""


def rows(n: int = 240, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sick = rng.permutation(np.arange(n) % 5 == 0)
    return pd.DataFrame(
        {
            "a": rng.normal(size=n) + 1.2 * sick,
            "b": rng.normal(size=n),
            "bill": rng.uniform(1, 60, n).round(2),
            "person": [f"p{k}" for k in rng.integers(0, 60, n)],
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
            "side": np.array(["train", "train", "valid", "test"])[np.arange(n) % 4],
            "times": rng.integers(1, 3, n),
            "state": np.where(sick, "sick", "healthy"),
        }
    )


PLAIN = ["a", "b", "bill", "state"]
WAYS = {
    "test": (PLAIN, ["--test", "test.csv"]),
    "test and valid": (PLAIN, ["--test", "test.csv", "--valid", "valid.csv"]),
    "split": ([*PLAIN, "side"], ["--split", "side"]),
    "time": ([*PLAIN, "day"], ["--time", "day"]),
    "group": ([*PLAIN, "person"], ["--group", "person"]),
    "group and test": ([*PLAIN, "person"], ["--group", "person", "--test", "test.csv"]),
    "holdout": (PLAIN, ["--holdout", "0.3"]),
    "weight": ([*PLAIN, "times"], ["--weight", "times"]),
}


def written(folder: Path, columns: list[str]) -> pd.DataFrame:
    """Files of the rows, and all rows in the order in which they are numbered: those that train, validate and test."""
    parts = {name: rows(n, seed)[columns] for seed, (name, n) in enumerate(
        {"train": 240, "valid": 80, "test": 120}.items())}  # fmt: skip
    for name, part in parts.items():
        part.assign(**({"person": name + part["person"]} if "person" in part else {})).to_csv(
            folder / f"{name}.csv", index=False
        )
    return parts


@pytest.mark.parametrize("way", WAYS)
def test_expected_cost_is_that_of_the_written_decisions(tmp_path, way, monkeypatch):
    monkeypatch.setattr("longtail.api.comparing.write_report", lambda results, path: None)
    columns, options = WAYS[way]
    parts = written(tmp_path, columns)
    asked = [*options, "--label", "state", "--costs", COSTS, "--drop", "bill"]
    here(
        "compare", "train.csv", *asked, "--recipes", "logistic", "--folds", "3", "--jobs", "1", "--out", "out",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    about = json.loads((tmp_path / "out" / "results.json").read_text())
    said = pd.read_csv(tmp_path / "out" / "predictions.csv")
    whole = parts["train"]
    if "--test" in options:
        whole = pd.concat([whole, *([parts["valid"]] if "--valid" in options else []), parts["test"]])
        assert len(said) == len(parts["test"])
    bill = whole["bill"].to_numpy()[said["row"]]
    assert (said["truth"].to_numpy() == whole["state"].to_numpy()[said["row"]]).all()
    cheap = (1 - said["p_sick"]) * 5 <= said["p_sick"] * bill
    assert (cheap == (said["decision"] == "sick")).all()
    miss, alarm = (said["truth"] == "sick") & ~cheap, (said["truth"] == "healthy") & cheap
    weight = whole["times"].to_numpy()[said["row"]] if "times" in columns else np.ones(len(said))
    paid = pd.DataFrame({"fold": said["fold"], "cost": weight * (miss * bill + alarm * 5), "weight": weight})
    by_fold = paid.groupby("fold").sum()
    scores = [run["scores"]["natural"]["expected_cost"] for run in about["runs"]]
    np.testing.assert_allclose(scores, by_fold["cost"] / by_fold["weight"])
    model = Model.load(tmp_path / "out" / "model")
    assert model.outcome.costs.columns == ("bill",)
    here("predict", "out", "test.csv", "--out", "p.csv", cwd=tmp_path)
    new = pd.read_csv(tmp_path / "p.csv")
    sick = (1 - new["p_sick"]) * 5 <= new["p_sick"] * parts["test"]["bill"].to_numpy()
    assert (sick == (new["prediction"] == "sick")).all()


@pytest.mark.parametrize("way", ["split", "time", "group", "weight"])
def test_train_keeps_costs_with_every_split(tmp_path, way):
    columns, options = WAYS[way]
    parts = written(tmp_path, columns)
    here(
        "train", "train.csv", *options, "--label", "state", "--costs", COSTS, "--drop", "bill", "--recipe", "logistic",
        "--out", "m", cwd=tmp_path,
    )  # fmt: skip
    done = here("predict", "m", "test.csv", "--out", "p.csv", cwd=tmp_path)
    assert "decided by costs" in " ".join(done.stdout.split())
    new = pd.read_csv(tmp_path / "p.csv")
    sick = (1 - new["p_sick"]) * 5 <= new["p_sick"] * parts["test"]["bill"].to_numpy()
    assert (sick == (new["prediction"] == "sick")).all()


def test_a_point_from_the_command_line(tmp_path):
    written(tmp_path, PLAIN)
    asked = ["--label", "state", "--metric", "recall@precision>=0.5"]
    here("train", "train.csv", *asked, "--recipe", "logistic", "--out", "m", cwd=tmp_path)
    done = here("predict", "m", "test.csv", "--out", "p.csv", cwd=tmp_path)
    assert "a row is 'sick' from a probability of" in " ".join(done.stdout.split())
    wrong = here("train", "train.csv", "--label", "state", "--metric", "macro_f1", cwd=tmp_path, check=False)
    assert wrong.returncode == 2
    assert "--metric macro_f1: one model is trained here" in " ".join(wrong.stderr.split())


def test_several_files_by_costs_of_one_file(tmp_path, monkeypatch):
    monkeypatch.setattr("longtail.api.comparing.write_report", lambda results, path: None)
    for name, n in {"north.csv": 240, "south.csv": 80}.items():
        rows(n)[PLAIN].to_csv(tmp_path / name, index=False)
    (tmp_path / "costs.csv").write_text("true,healthy,sick\nhealthy,0,1\nsick,20,0\n")
    several = [
        "compare",
        "north.csv",
        "south.csv",
        "--label",
        "state",
        "--recipes",
        "logistic,random-under+logistic",
        "--folds",
        "2",
    ]
    here(
        *several, "--costs", "costs.csv", "--jobs", "1", "--out", "out", "--no-model", "--quiet", cwd=tmp_path
    )
    for name in ("north", "south"):
        about = json.loads((tmp_path / "out" / name / "results.json").read_text())
        assert about["settings"]["costs"] == {"cells": [[0.0, 1.0], [20.0, 0.0]]}
    (tmp_path / "costs.csv").write_text("true,well,sick\nwell,0,1\nsick,20,0\n")
    wrong = here(*several, "--costs", "costs.csv", "--out", "out2", cwd=tmp_path, check=False)
    assert wrong.returncode == 2
    assert "data set north: costs" in " ".join(wrong.stderr.split())
