"""Progress where no one watches: plain lines."""

import pytest

from longtail.report import progress as module


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_long_stage_says_once_a_minute_how_far_it_is(clock, capsys):
    with module.progress() as on:
        for epoch in range(200):
            clock[0] += 25
            on({"worker": 7, "running": "erm, seed 0", "stage": "erm", "epoch": epoch, "epochs": 200})
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["  erm, seed 0: epoch 3/200", "  erm, seed 0: epoch 6/200"]
    assert len(lines) == 200 // 3


def test_where_runs_finish_often_they_are_all_that_is_said(clock, capsys):
    row = {"status": "done", "error": None}
    with module.progress() as on:
        for done in range(1, 4):
            for epoch in range(5):
                clock[0] += 10
                on({"running": "crt", "stage": "crt", "epoch": epoch, "epochs": 5})
            on({"task": "crt", "done": done, "total": 3, "row": row})
    assert capsys.readouterr().err.splitlines() == [f"[{done}/3] crt: done" for done in (1, 2, 3)]


def test_a_failure_says_why(capsys):
    with module.progress() as on:
        on({"task": "lfme", "done": 1, "total": 2, "row": {"status": "failed", "error": "ValueError: no"}})
    assert capsys.readouterr().err == "[1/2] lfme: failed: ValueError: no\n"
