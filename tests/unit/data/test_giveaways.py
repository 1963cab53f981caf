"""Columns that give the label away are warned of; columns that only predict it are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from longtail import api
from longtail.data import Dataset, giveaways
from longtail.labels import Labels

RNG = np.random.default_rng(0)
CODES = RNG.choice(3, 200, p=[0.2, 0.7, 0.1])
NAMES = np.array(["MEL", "NV", "BCC"])
PLAIN = pd.DataFrame({"age": RNG.integers(20, 80, 200).astype(float), "sex": RNG.choice(["m", "f"], 200)})


def said(frame: pd.DataFrame, codes=CODES, names=NAMES) -> str:
    return " ".join(giveaways(Dataset.of("t", "table", frame, Labels.of(torch.tensor(codes), list(names)))))


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"dx": NAMES[CODES]}, "column 'dx' is the label under another name"),
        ({"code": CODES + 40.0}, "column 'code' is the label under another name"),
        ({"fine": [f"{NAMES[c]} {k % 2}" for k, c in enumerate(CODES)]}, "column 'fine' is the label under"),
        ({"MEL": (CODES == 0) * 1.0, "not NV": (CODES != 1) * 1.0}, "columns 'MEL', 'not NV' are one-hot copies"),
        ({"has": np.where(CODES == 0, "yes", "no")}, "column 'has' is one-hot copies of the label (class MEL)"),
        ({"score": CODES + 0.9 * RNG.random(200)}, "column 'score' is as good as the label"),
        ({"died": np.where(CODES == 2, RNG.normal(size=200), np.nan)}, "column 'died' is filled in for one class"),
        ({"seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(CODES * 9 + RNG.random(200), "D")}, "column 'seen' is as"),
    ],
)  # fmt: skip
def test_columns_that_give_the_label_away(columns, words) -> None:
    assert words in said(PLAIN.assign(**columns))


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"near": np.where(np.arange(200) == 7, "x", NAMES[CODES])},  # one row of another class
        {"key": [f"k{i}" for i in range(200)]},
        {"noise": RNG.normal(size=200)},
        {"strong": CODES + 1.2 * RNG.random(200)},
        {"pair": np.where(RNG.random(200) < 0.5, "a", "b")},
        {"half": np.where(RNG.random(200) < 0.5, np.nan, 1.0)},
    ],
)
def test_columns_that_do_not(columns) -> None:
    frame = PLAIN.assign(**columns)
    if "near" in columns:
        frame.loc[frame["near"] == "x", "near"] = NAMES[(CODES[7] + 1) % 3]
    assert said(frame) == ""


def test_a_class_of_few_rows_is_told_apart_by_chance() -> None:
    codes = np.array([0] * 100 + [1] * 4)
    frame = pd.DataFrame({"x": np.arange(104.0), "w": ["a"] * 100 + ["b"] * 4})
    assert said(frame, codes, ["a", "b"]) == ""
    assert said(frame, np.array([0] * 99 + [1] * 5), ["a", "b"]) != ""


def test_one_column_of_a_one_hot_block_is_the_label() -> None:
    frame = PLAIN.assign(MEL=(CODES == 0) * 1.0, NV=(CODES == 1) * 1.0)
    assert "columns 'MEL', 'NV' are one-hot with the label" in said(frame, (CODES == 2) * 1, ["0", "1"])
    other = frame.assign(NV=np.where(np.arange(200) == 3, 1 - frame["NV"], frame["NV"]))
    assert said(other, (CODES == 2) * 1, ["0", "1"]) == ""


def test_many_rows_are_judged_by_all_of_them() -> None:
    n = 60_000
    codes = RNG.choice(2, n, p=[0.95, 0.05])
    ward = np.where(codes == 1, RNG.integers(0, 500, n), RNG.integers(500, 3000, n))
    frame = pd.DataFrame({"ward": [f"w{k}" for k in ward], "score": codes + 0.9 * RNG.random(n)})
    both = said(frame, codes, ["a", "b"])
    assert "'ward' is the label under another name" in both
    assert "'score' is as good as the label" in both
    frame.loc[int((codes == 0).nonzero()[0][123]), ["ward", "score"]] = ["w1", 1.5]
    assert said(frame, codes, ["a", "b"]) == ""


def test_inspect_warns_and_compare_notes(tmp_path) -> None:
    frame = PLAIN.assign(dx_name=NAMES[CODES], target=CODES)
    assert any("'dx_name' is the label" in w for w in api.inspect(frame)["warnings"])
    found = api.compare(
        frame, label="target", recipes=["logistic"], baseline="logistic", folds=2, out=tmp_path, model=False
    )
    assert any("'dx_name' is the label" in note for note in found.results["data"]["notes"])
