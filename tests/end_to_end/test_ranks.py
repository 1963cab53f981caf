"""``torchrun -m longtail train`` trains one model on several processes."""

import json
import subprocess
import sys

from typed import here


def torchrun(*args, cwd):
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "longtail",
    ]
    return subprocess.run([*command, *args], cwd=cwd, capture_output=True, text=True, timeout=300)


def test_two_processes_train_one_model(tmp_path):
    done = torchrun("train", "digits-lt", "--recipe", "crt", "--epochs", "1", "--out", "model", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Saved to model") == 1
    assert json.loads((tmp_path / "model" / "model.json").read_text())["facts"]["recipe"]["name"] == "crt"
    assert "rows to predictions.csv" in here("predict", "model", "digits-lt", cwd=tmp_path).stdout


def test_compare_refuses_a_launcher(tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")  # as torchrun sets it
    refused = here("compare", "digits-lt", "--recipes", "erm", "--folds", 2, cwd=tmp_path, check=False)
    assert refused.returncode == 2
    assert "run it without torchrun" in refused.stderr
