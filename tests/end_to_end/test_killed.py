"""SIGKILL in the middle, at random moments: the final table is the same, and nothing finished is done twice."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

ARGS = (
    "compare", "digits-lt", "--recipes", "erm,tau-norm,crt,focal,logistic", "--folds", "2", "--epochs", "4",
    "--no-model",
)  # fmt: skip


def start(folder, jobs):
    command = [sys.executable, "-m", "longtail", *ARGS, "--jobs", str(jobs), "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


def finished(folder):
    """Finished stages and runs, with the moment they were written."""
    found = {}
    for part in ("cache", "runs"):
        for file in (folder / part).glob("*") if (folder / part).exists() else ():
            if not file.name.startswith(".") and ".partial." not in file.name:
                found[file] = file.stat().st_mtime_ns
    return found


def scores(folder):
    runs = json.loads((folder / "results.json").read_text(encoding="utf-8"))["runs"]
    return {(r["recipe"], r["fold"]): (r["status"], r["scores"], r["per_class"]) for r in runs}


@pytest.mark.parametrize("kills", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_killed_and_resumed_gives_the_same_table(tmp_path, kills):
    straight = start(tmp_path / "straight", 2)
    began = time.monotonic()
    assert straight.wait(timeout=400) == 0, straight.stderr.read().decode()
    whole = time.monotonic() - began
    folder, draw, done = tmp_path / "killed", random.Random(kills), {}
    for _ in range(kills):
        process = start(folder, 2)
        time.sleep(draw.uniform(0.2, 0.9) * whole)
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.send_signal(signal.SIGKILL)
        process.wait()
        now = finished(folder)
        assert all(now.get(file) == moment for file, moment in done.items()), "finished work was done again"
        done = now
    last = start(folder, 2)
    assert last.wait(timeout=400) == 0, last.stderr.read().decode()
    now = finished(folder)
    assert all(now.get(file) == moment for file, moment in done.items()), "finished work was done again"
    assert scores(folder) == scores(tmp_path / "straight")
