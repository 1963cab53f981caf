"""Weights of rows: a row of weight 2 is a row that is there twice, in training, tuning and scores."""

import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from longtail import api, cli
from longtail.api.splitting import load_parts
from longtail.data import load
from longtail.data.weighing import by_weight

HOW = {"label": "label", "features": ["x", "z"], "epochs": 2, "verbose": 0, "model": False}


def frame(n=60, seed=0):
    r = np.random.default_rng(seed)
    y = (r.random(n) < 0.3).astype(int)
    return pd.DataFrame(
        {
            "x": (r.normal(size=n) + 2 * y).round(3),
            "z": r.normal(size=n).round(3),
            "patient": [f"p{k}" for k in np.arange(n) // 4],
            "day": pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d"),
            "label": np.where(y == 1, "sick", "healthy"),
        }
    )


def weighted(n, seed):
    r = np.random.default_rng(seed)
    return frame(n, seed).assign(w=r.integers(0, 4, n)).drop(columns="day")


def repeated(df):
    return df.loc[df.index.repeat(df["w"])].reset_index(drop=True).drop(columns="w")


def test_whole_weights_are_rows_that_are_there_so_often(tmp_path):
    train, test = weighted(160, 0), weighted(80, 1)
    how = {**HOW, "recipes": ["erm", "logistic"], "prior": [0.9, 0.1], "metric": "recall@precision>=0.5"}
    by = api.compare(train, test=test, weight="w", out=tmp_path / "a", **how)
    twice = api.compare(repeated(train), test=repeated(test), out=tmp_path / "b", **how)
    for a, b in zip(by.record.runs, twice.record.runs, strict=True):
        assert a.done
        assert a.stages[0].key == b.stages[0].key
        for prior, scores in b.scores.items():
            for name, value in scores.items():
                same = value if value is None else pytest.approx(value, rel=1e-9)
                assert a.scores[prior][name] == same, (prior, name)
        assert a.reliability["natural"]["accuracy"] == pytest.approx(b.reliability["natural"]["accuracy"])
    unweighted = api.compare(train, test=test, out=tmp_path / "c", **how)
    assert unweighted.record.runs[0].scores["natural"] != by.record.runs[0].scores["natural"]
    page = (tmp_path / "a" / "report.html").read_text()
    assert "A row counts as often as its w says" in page


def test_in_folds_too_and_differences_are_tested_on_rows(tmp_path):
    df = weighted(200, 0)
    found = api.compare(df, weight="w", recipes=["erm", "logistic"], folds=3, out=tmp_path, **HOW)
    assert found.record.evidence["natural"]["tests"]["accuracy"]
    assert "w" not in load(df, label="label", weight="w").raw.columns
    row = next(row for row in found.rows["natural"] if row.recipe == "logistic")
    assert np.isfinite(row.p)
    other = api.compare(df, recipes=["erm", "logistic"], folds=3, out=tmp_path, **HOW)
    assert other.record.runs[0].identity != found.record.runs[0].identity


def test_other_weights_draw_each_row_floor_or_ceil_of_its_share():
    y = torch.tensor([0] * 90 + [1] * 10)
    weight = torch.linspace(0.1, 2.5, 100).double()
    drawn = by_weight(torch.arange(100), y, weight, 3)
    often = torch.bincount(drawn, minlength=100)
    share = weight / weight.sum() * 100
    assert len(drawn) == 100
    assert bool(((often - share).abs() < 1).all())
    assert drawn.tolist() == sorted(drawn.tolist())


@pytest.mark.parametrize(
    "cells, words",
    [
        (["a", "b"], "weight= needs a number in each row"),
        ([1.0, None], "weight= needs a number in each row"),
        ([1.0, -2.0], "weight= must be finite and not negative"),
        ([0.0, 0.0], "all weights are zero"),
    ],
)
def test_what_is_no_weight_is_refused(cells, words):
    df = frame(60).assign(w=cells * 30)
    with pytest.raises(ValueError, match=words):
        load(df, label="label", weight="w")


def test_own_test_rows_bring_their_groups_and_weights_and_nothing_is_dropped_in_silence():
    train, test = weighted(80, 0), weighted(40, 1)
    test["patient"] = ["p3", "new"] * 20
    data = load_parts(train, test, None, label="label", features=["x", "z"], group="patient", weight="w")
    group = data.beside.group.tolist()
    of_p3 = train["patient"].tolist().index("p3")
    assert {group[80], group[82]} == {group[of_p3]}
    assert group[81] not in group[:80]
    assert data.beside.weight.tolist() == [*train["w"], *test["w"]]
    alone = load_parts(train, test.drop(columns="patient"), None, label="label", group="patient")
    assert len(alone.beside.group.unique()) == 20 + 40
    assert any("each of its rows is a group of its own" in note for note in alone.notes)
    with pytest.raises(ValueError, match="the test part has no column 'w', which weight= names"):
        load_parts(train, test.drop(columns="w"), None, label="label", weight="w")
    with pytest.raises(ValueError, match="time= and test= both say which rows test"):
        load_parts(frame(60), frame(20), None, label="label", time="day")


def test_weights_on_the_command_line_and_in_memory(tmp_path):
    df = weighted(60, 0)
    df.to_csv(tmp_path / "a.csv", index=False)
    words = ["compare", str(tmp_path / "a.csv"), "--label", "label", "--weight", "w", "--recipes", "logistic"]
    more = ["--folds", "2", "--jobs", "1", "--no-model", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, [*words, *more])
    assert done.exit_code == 0, done.output
    assert "column 'w' is the weight, and no input" in done.output
    of_file = load(tmp_path / "a.csv", label="label", weight="w").beside.weight
    of_array = load((df[["x", "z"]], df["label"]), weight=df["w"].to_numpy()).beside.weight
    assert of_file.tolist() == of_array.tolist() == df["w"].tolist()
    assert pd.isna(pd.Series(load(tmp_path / "a.csv", label="label").beside.weight)).all()
