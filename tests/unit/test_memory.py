"""What a step frees is kept for the next: counted in page faults, in a process of its own."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from longtail.memory import keep_freed
torch.set_num_threads(1)
if sys.argv[1] == "keep":
    assert keep_freed()
def step():
    return [torch.ones(1 << 20) for _ in range(8)]  # 4 MiB each, freed together
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_a_step_finds_the_memory_that_the_last_one_freed():
    assert faults("keep") < 100 < faults("give back")
