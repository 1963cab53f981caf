"""Progress where no one watches: plain lines."""

import pytest

from longtail.comparison.record import Run
from longtail.report import progress as module

DONE = Run(recipe="crt", fold=0, seed=0, status="done")


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
    with module.progress() as on:
        for done in range(1, 4):
            for epoch in range(5):
                clock[0] += 10
                on({"running": "crt", "stage": "crt", "epoch": epoch, "epochs": 5})
            on({"task": "crt", "done": done, "total": 3, "run": DONE})
    assert capsys.readouterr().err.splitlines() == [f"[{done}/3] crt: done" for done in (1, 2, 3)]


def test_a_failure_says_why(capsys):
    with module.progress() as on:
        failed = DONE.but(status="failed", error="ValueError: no")
        on({"task": "lfme", "done": 1, "total": 2, "run": failed})
    assert capsys.readouterr().err == "[1/2] lfme: failed: ValueError: no\n"


def test_what_takes_long_is_said_with_what_it_is_for(capsys):
    with module.progress() as on:
        on({"slow": "reading reviews.csv"})
        on({"worker": 7, "running": "erm, fold 1"})
        on({"worker": 7, "slow": "encoding 8,000 rows of text data"})
        on({"note": "12 recipes x 5 folds: about 9 h"})
    assert capsys.readouterr().err.splitlines() == [
        "  reading reviews.csv",
        "  erm, fold 1: encoding 8,000 rows of text data",
        "  12 recipes x 5 folds: about 9 h",
    ]


def test_it_says_how_long_it_still_takes(capsys):
    with module.progress() as on:
        on({"task": "erm, fold 1", "done": 1, "total": 2, "run": DONE, "expected": 400.0})
        on({"task": "erm, fold 2", "done": 2, "total": 2, "run": DONE, "expected": 0.0})
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["[1/2] erm, fold 1: done (about 7 min left)", "[2/2] erm, fold 2: done"]


@pytest.mark.parametrize("width", [60, 160])
def test_the_live_display_fits_and_shows_what_runs(monkeypatch, width):
    import io

    import rich.console

    out = io.StringIO()
    console = rich.console.Console(file=out, force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr(rich.console, "Console", lambda **how: console)
    with module.progress() as on:
        on({"total": 9, "done": 0, "expected": 400.0})
        on({"worker": 7, "running": "erm [b], fold 1"})
        on({"worker": 7, "slow": "encoding 8,000 rows of text data"})
        on({"worker": 7, "running": "erm [b], fold 1", "epoch": 1, "epochs": 4})
        on({"task": "erm", "total": 9, "done": 3, "expected": 90.0, "run": DONE})
    said = out.getvalue()
    assert "epoch 2/4" in said
    assert "3/9" in said
    assert "about 2 min left" in said
    assert "erm" in said
    assert max(len(line) for line in said.replace("\x1b[1A\x1b[2K", "\n").splitlines()) <= width + 8


def test_the_data_are_shown(capsys):
    from longtail import data

    with module.progress() as on:
        on({"data": data.inspect_facts(data.load("digits-lt"))})
    assert "digits-lt: image data" in capsys.readouterr().err


def test_nobody_is_told_of_what_is_quick_and_somebody_of_what_is_slow():
    import threading

    from longtail.comparison.patience import slowly

    told, said = [], threading.Event()

    def on(event):
        told.append(event)
        said.set()

    with slowly(on, "quick", after=60):
        pass
    with slowly(on, "slow", after=0.01):
        assert said.wait(30)
    assert told == [{"slow": "slow"}]
