"""What a process of a comparison does: fitted on held-out rows by one training, used by another."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from longtail import api, recipes
from longtail.comparison.plan import Plan
from longtail.comparison.work import Worker
from longtail.files import HOST
from longtail.store import FolderStore


def test_a_refitted_model_is_calibrated_for_itself(tmp_path):
    """After four epochs LDAM has not learnt every class, and each training leaves out another: the inner model's biases
    put the refitted one's decisions at chance (balanced accuracy .10; the inner model itself had .70).
    """
    plan = Plan(api.load("digits-lt"), (("erm", recipes.erm), ("ldam", recipes.ldam)), folds=3, epochs=4)
    worker = Worker(plan, FolderStore(tmp_path))
    prepared = plan.prepare(0)
    encoder, outcome, trained = worker.fit(prepared, "ldam", 0)
    assert len(trained) == 2
    assert outcome.prior_source == "fitted"
    test = prepared.encode(encoder, prepared.test_rows)
    right = outcome.predict(test.x, prior="balanced") == test.labels.y
    recall = torch.stack([right[test.labels.y == c].float().mean() for c in range(10)])
    assert recall.mean() > 0.5


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [60, 20, 10])
    file = tmp_path_factory.mktemp("points") / "points.npz"
    np.savez(file, X=(rng.normal(size=(90, 3)) + y[:, None]).astype("float32"), y=y)
    return file


def compared(points, out, **how):
    return api.compare(points, recipes=["erm", "logistic"], folds=2, epochs=1, out=out, model=False, **how)


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_damaged_runs_are_named_set_aside_and_made_again(points, tmp_path, jobs):
    first = compared(points, tmp_path)
    cut, altered, empty, _ = sorted((tmp_path / "runs").glob("*.json"))
    cut.write_bytes(cut.read_bytes()[:200])
    text = altered.read_text()
    assert '"status": "done"' in text
    altered.write_text(text.replace('"seed": 0', '"seed": 1'))
    empty.write_bytes(b"")
    said = []
    again = compared(points, tmp_path, on=lambda event: said.append(event.get("note", "")), jobs=jobs)
    assert [r["scores"] for r in again.results["runs"]] == [r["scores"] for r in first.results["runs"]]
    for file in (cut, altered, empty):
        assert any(str(file) in note and "is made again" in note for note in said), file.name
        assert file.with_suffix(".damaged").exists()
        assert file.exists()
    said.clear()
    compared(points, tmp_path, on=lambda event: said.append(event.get("note", "")))
    assert not any("damaged" in note for note in said)


def test_a_second_compare_on_one_folder_is_refused(points, tmp_path):
    refused = []

    def second(event):
        if "task" in event and not refused:
            with pytest.raises(
                RuntimeError, match=r"longtail compare \(process \d+\) is writing here"
            ) as why:
                compared(points, tmp_path)
            refused.append(str(why.value))

    compared(points, tmp_path, on=second)
    assert str(tmp_path) in refused[0]
    assert "another folder" in refused[0]
    compared(points, tmp_path)  # free again


def test_what_a_killed_process_left_half_written_is_swept(points, tmp_path):
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    left = [
        tmp_path / folder / f".x.{HOST}-{int(dead.stdout)}-0123456789ab.tmp"
        for folder in ("", "cache", "runs")
    ]
    for file in left:
        file.parent.mkdir(exist_ok=True)
        file.touch()
    compared(points, tmp_path)
    assert not any(file.exists() for file in left)


def test_results_are_whole_or_as_they_were(points, tmp_path, monkeypatch):
    compared(points, tmp_path)
    names = ("results.json", "results.csv", "report.html")
    before = {name: (tmp_path / name).read_bytes() for name in names}
    fsync = os.fsync

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        compared(points, tmp_path)
    monkeypatch.setattr(os, "fsync", fsync)
    assert {name: (tmp_path / name).read_bytes() for name in names} == before
    assert not list(tmp_path.rglob("*.tmp"))


LIMITED = """
import resource, sys
from longtail import cli
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
sys.argv = ["longtail", *sys.argv[1:]]
if __name__ == "__main__":
    cli.main()
"""


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_full_disk_is_no_recipe_s_failure(points, tmp_path, jobs):
    """Files of more than 3 kB cannot be written: once, recipes whose stages are larger stood as failed in the table."""
    pytest.importorskip("resource")
    (tmp_path / "limited.py").write_text(LIMITED)
    asked = [
        "compare",
        str(points),
        "--recipes",
        "erm,logistic",
        "--folds",
        "2",
        "--epochs",
        "1",
        "--no-model",
    ]
    limited = [sys.executable, "limited.py", *asked, "--jobs", str(jobs), "--out", "out"]
    done = subprocess.run(limited, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "could not be written (File too large)" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "results.json").exists()
    found = compared(points, tmp_path / "out")
    assert {r["status"] for r in found.results["runs"]} == {"done"}
