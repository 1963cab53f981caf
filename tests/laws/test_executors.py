"""Any executor gives the rows of InProcess, and a worker that is killed changes nothing."""

import os
import signal
import warnings
from dataclasses import replace

import pytest

from longtail.comparison.work import Worker
from longtail.executors import InProcess, Processes, WorkerDied
from longtail.store import FolderStore
from longtail.testing import check_executor
from longtail.testing.executor import check_outputs, check_runs, compared, small


@pytest.mark.parametrize(
    "executor",
    [InProcess(), pytest.param(Processes(1), marks=pytest.mark.slow), Processes(2)],
    ids=["in process", "one process", "two processes"],
)
def test_it_gives_the_runs_of_this_process(executor):
    check_executor(executor)


class Forgets(InProcess):
    """Stops before the last task."""

    def run(self, agenda, make_worker, on):
        found = list(super().run(agenda, make_worker, on))
        yield from found[:-1]


class Elsewhere(InProcess):
    """Its workers keep what they find in another place."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, agenda, make_worker, on):
        return super().run(agenda, lambda on: Worker(few(), FolderStore(self.folder), on), on)


class Shorter(InProcess):
    """Its workers train for another number of epochs."""

    def run(self, agenda, make_worker, on):
        def make(on):
            worker = make_worker(on=on)
            worker.plan = replace(worker.plan, epochs=2)
            return worker

        return super().run(agenda, make, on)


def few():
    """The plan of the law with two of its recipes: to find what is broken takes no more."""
    plan = small()
    return replace(plan, recipes=tuple(one for one in plan.recipes if one[0] in ("erm", "logistic")))


def test_broken_executors_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr("longtail.testing.executor.small", few)
    with pytest.raises(AssertionError, match="status is 'skipped'"):
        check_executor(Forgets())
    with pytest.raises(AssertionError, match="not in the store"):
        check_executor(Elsewhere(tmp_path))
    with pytest.raises(AssertionError, match=r"is .*, and in this process"):
        check_executor(Shorter())


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_worker_changes_nothing(tmp_path):
    plan, killed, seen = small(), [], []

    def kill(event):
        seen.append(event)
        if "worker" in event and not killed and any("task" in e for e in seen):
            os.kill(event["worker"], signal.SIGKILL)
            killed.append(event["worker"])

    straight, store = FolderStore(tmp_path / "straight"), FolderStore(tmp_path / "killed")
    expected = compared(plan, straight, InProcess())
    with pytest.raises(WorkerDied, match="what had finished is kept"):
        compared(plan, store, Processes(2), kill)
    assert killed
    finished = [event["run"].identity for event in seen if event.get("run") is not None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is damaged
        assert all(identity in store.runs for identity in finished)
        again = []
        check_runs(compared(plan, store, Processes(2), again.append), expected)
        check_outputs(store, straight, expected)
    done = {event["run"].identity for event in again if event.get("run") is not None}
    assert not done & set(finished)
