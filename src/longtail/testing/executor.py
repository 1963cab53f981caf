"""The law of executors: wherever the tasks of a comparison run, it finds what it finds in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from longtail import recipes
from longtail.classical import logistic
from longtail.comparison.executor import Executor
from longtail.comparison.plan import Plan
from longtail.comparison.record import Run
from longtail.comparison.run import run
from longtail.data import Dataset
from longtail.executors.in_process import InProcess
from longtail.labels import Labels
from longtail.run.loop import On, ignore
from longtail.store import FolderStore, Store

TIMES = ("seconds", "cpu_seconds", "predict_seconds", "encode_seconds")
"""What may differ."""


def check_executor(executor: Executor) -> None:
    """Raises AssertionError unless an executor keeps the law.

    1. It does every task, and gives the runs of :class:`longtail.executors.InProcess`, equal but for seconds.
    2. What they said of the test rows is in the store, equal to the last bit.
    3. Where everything is done, it does nothing.

    >>> check_executor(InProcess())
    """
    with tempfile.TemporaryDirectory() as folder:
        plan = small()
        here, there = FolderStore(Path(folder) / "here"), FolderStore(Path(folder) / "there")
        expected = compared(plan, here, InProcess())
        check_runs(compared(plan, there, executor), expected)
        check_outputs(there, here, expected)
        again: list[Mapping[str, Any]] = []
        check_runs(compared(plan, there, executor, again.append), expected)
        done = [event for event in again if "task" in event]
        assert not done, f"everything was done, and {done[0]['task']} was done again"


def small() -> Plan:
    """Four recipes on two folds of a few rows: stages that are shared, an inner split, an estimator."""
    draw = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 3
    labels = Labels.of(torch.where(torch.arange(60) < 30, 0, y))
    x = torch.randn(60, 4, generator=draw) + torch.eye(4)[labels.y]
    chosen = (
        ("erm", recipes.erm),
        ("crt", recipes.crt),
        ("tau-norm", recipes.tau_norm),
        ("logistic", logistic()),
    )
    return Plan(Dataset.of("small", "embedding", x, labels), chosen, folds=2, epochs=1, backbone="mlp")


def compared(plan: Plan, store: Store, executor: Executor, on: On = ignore) -> list[dict[str, Any]]:
    """The runs of a comparison, without how long they took."""
    return [timeless(one) for one in run(plan, store, executor, on=on)]


def timeless(one: Run) -> dict[str, Any]:
    """A run as JSON, without seconds."""
    facts = {name: value for name, value in one.to_json().items() if name not in TIMES}
    stages = [{k: v for k, v in stage.items() if k not in TIMES} for stage in facts["stages"]]
    return {**facts, "stages": stages}


def check_runs(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Raises AssertionError where runs are not equal."""
    assert len(found) == len(expected), f"{len(found)} runs, where {len(expected)} were asked for"
    for one, other in zip(found, expected):
        off = [name for name in other if one.get(name) != other[name]]
        where = f"{other['recipe']}, fold {other['fold']}"
        assert not off, f"{where}: {off[0]} is {one.get(off[0])!r}, and in this process {other[off[0]]!r}"


def check_outputs(there: Store, here: Store, runs: list[dict[str, Any]]) -> None:
    """Raises AssertionError where the outputs of runs are not in both stores, or not equal."""
    for one in runs:
        found, expected = there.outputs.get(one["identity"]), here.outputs.get(one["identity"])
        assert found is not None, f"what {one['recipe']} said of its test rows is not in the store"
        assert expected is not None
        for name, tensor in expected[0].items():
            assert torch.equal(found[0][name], tensor), f"{one['recipe']}: {name} differs"
