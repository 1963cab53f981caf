"""What a step frees is kept for the next: counted in page faults, in a process of its own."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from longtail.backbones import ResNetCIFAR
from longtail.memory import keep_freed
torch.set_num_threads(1)
if sys.argv[1] == "keep":
    assert keep_freed()
net = ResNetCIFAR(8).to(memory_format=torch.channels_last)
images = torch.randint(256, (32, 3, 32, 32), dtype=torch.uint8)
def step():
    net(images).square().sum().backward()
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    run = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_a_step_finds_the_memory_that_the_last_one_freed():
    assert 4 * faults("keep") < faults("give back")  # about 600 pages against 8,800
