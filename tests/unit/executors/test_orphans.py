"""A worker process ends with its parent, and when its parent was killed while it started."""

import os
import subprocess
import sys
import time

import pytest

SCRIPT = """
import multiprocessing as mp, os, sys, time
from longtail.executors.processes import end_with_parent

def late(file):
    while mp.parent_process().is_alive():
        time.sleep(0.01)
    with open(file, "w") as f:
        f.write(str(os.getpid()))
    end_with_parent()
    time.sleep(60)

if __name__ == "__main__":
    mp.get_context("spawn").Process(target=late, args=(sys.argv[1],)).start()
    os._exit(0)
"""


@pytest.mark.skipif(not os.path.exists("/proc"), reason="looks for a process in /proc")
def test_a_worker_whose_parent_died_before_it_had_started_ends(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    file = tmp_path / "pid"
    subprocess.run([sys.executable, "script.py", str(file)], cwd=tmp_path, check=True)
    deadline = time.monotonic() + 60
    while not (file.exists() and file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    worker = int(file.read_text())
    deadline = time.monotonic() + 20
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(worker)


def alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
