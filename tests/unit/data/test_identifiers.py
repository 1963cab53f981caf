"""Columns that number or name the rows are left out and said; those that measure are kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from longtail.data import inspect_facts, load

N = 60
RNG = np.random.default_rng(0)
BASE = pd.DataFrame({"size": RNG.normal(size=N).round(3), "label": np.arange(N) % 5 == 0})


@pytest.mark.parametrize(
    "name, values",
    [
        ("row", list(range(N))),
        ("row", list(range(1, N + 1))),
        ("id", RNG.permutation(10**6)[:N]),
        ("customer_id", RNG.permutation(10**6)[:N]),
        ("PassengerId", RNG.permutation(10**6)[:N]),
        ("invoice no", RNG.permutation(10**6)[:N]),
        ("Unnamed: 0", RNG.permutation(N)),
        ("name", [f"Person {k}" for k in range(N)]),
        ("hash", [f"{k:08x}f" for k in range(N)]),
        ("note", [f"a remark of some length on row {k}" for k in range(N)]),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet", "frame"])
def test_left_out_and_said(tmp_path, name, values, ending) -> None:
    frame = BASE.assign(**{name: values})[[name, "size", "label"]]
    path = tmp_path / f"t.{ending}"
    if ending == "csv":
        frame.to_csv(path, index=False)
    elif ending == "parquet":
        frame.to_parquet(path)
    data = load(frame if ending == "frame" else path)
    assert list(data.raw.columns) == ["size"]
    assert any("are left out" in n and repr(name) in n and "--features" in n for n in data.notes), data.notes
    assert list(load(frame, features=[name, "size"]).raw.columns) == [name, "size"]


@pytest.mark.parametrize(
    "name, values",
    [
        ("income", RNG.permutation(10**6)[:N]),  # different in each row, and a quantity
        ("weight", RNG.normal(size=N)),
        ("day", pd.date_range("2020-01-01", periods=N).strftime("%Y-%m-%d")),
        ("price", [f"${v:,.2f}" for v in RNG.random(N) * 1e5]),
        ("group_id", np.arange(N) // 2),
        ("word", [f"w{k // 2}" for k in range(N)]),
        ("steps", np.arange(N) * 2),
    ],
)
def test_kept(tmp_path, name, values) -> None:
    BASE.assign(**{name: values}).to_csv(tmp_path / "t.csv", index=False)
    assert name in load(tmp_path / "t.csv", label="label").raw.columns


def test_nothing_else_to_learn_from_keeps_it(tmp_path) -> None:
    pd.DataFrame({"id": range(N), "label": np.arange(N) % 2}).to_csv(tmp_path / "t.csv", index=False)
    assert list(load(tmp_path / "t.csv").raw.columns) == ["id"]


@pytest.mark.parametrize("name, values", [("group_id", np.arange(N) // 2), ("userId", np.arange(N) % 30 + 7)])
def test_an_id_that_several_rows_have_is_read_and_warned_of(name, values) -> None:
    """Of a person or a part: a model may learn who it is."""
    warnings = inspect_facts(load(BASE.assign(**{name: values}), label="label"))["warnings"]
    assert any(f"read as quantities, though called IDs: '{name}'" in w and "drop=" in w for w in warnings)


@pytest.mark.parametrize("name, values", [("paid", np.arange(N) // 2), ("kind_id", np.arange(N) % 4)])
def test_what_is_no_id_is_not_warned_of(name, values) -> None:
    assert not any("called IDs" in w for w in inspect_facts(load(BASE.assign(**{name: values})))["warnings"])
