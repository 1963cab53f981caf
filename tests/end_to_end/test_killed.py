"""SIGKILL in the middle, at random moments: the final table is the same, and nothing finished is done twice."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typed import here

ARGS = (
    "compare", "points.npz", "--recipes", "erm,tau-norm,crt,focal,logistic,ldam-drw", "--folds", "2", "--epochs", "10",
    "--no-model",
)  # fmt: skip


def start(folder, jobs):
    command = [sys.executable, "-m", "longtail", *ARGS, "--jobs", str(jobs), "--out", folder.name]
    return subprocess.Popen(
        command, cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


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
    """The moments are drawn among the files that one go in this process writes, and a little after each."""
    y = np.repeat([0, 1, 2], [150, 50, 20])
    x = np.random.default_rng(0).normal(size=(220, 4)) + y[:, None]
    np.savez(tmp_path / "points.npz", X=x.astype("float32"), y=y)
    here(*ARGS, "--jobs", 1, "--out", "straight", cwd=tmp_path)
    whole = len(finished(tmp_path / "straight"))
    folder, draw, done = tmp_path / "killed", random.Random(kills), {}
    for kill in range(kills):
        process = start(folder, 2)
        enough = max(len(done), draw.uniform(kill, kill + 0.9) / kills * whole)
        deadline = time.monotonic() + 200
        while len(finished(folder)) <= enough and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.2))
        assert process.poll() is None, "it ended before it was killed"
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        now = finished(folder)
        assert all(now.get(file) == moment for file, moment in done.items()), "finished work was done again"
        done = now
    assert 0 < len(done) < whole
    here(*ARGS, "--jobs", 1, "--out", "killed", cwd=tmp_path)
    now = finished(folder)
    assert all(now.get(file) == moment for file, moment in done.items()), "finished work was done again"
    assert scores(folder) == scores(tmp_path / "straight")
