"""Kills, a full disk and missing permissions, a few of each; ``faults.py`` has the campaign."""

import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = Path(__file__).with_name("faults.py")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def campaign(folder: Path, *asked: str) -> str:
    command = [sys.executable, FAULTS, "--out", folder, *asked]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow  # some minutes of starting processes
def test_a_few_faults(tmp_path: Path) -> None:
    few = ("--kills", "6", "--disk", "2", "--permission", "2", "--commands", "train;predict;adjust")
    assert "| all |  | 10 | 0 | 0 | 0 | 0 | 0 |" in campaign(tmp_path, *few)


@pytest.mark.slow
def test_many_faults(tmp_path: Path) -> None:
    assert "| all |  | 60 | 0 | 0 | 0 | 0 | 0 |" in campaign(
        tmp_path, "--kills", "40", "--disk", "10", "--permission", "10", "--seed", "1"
    )
