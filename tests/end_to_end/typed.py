"""``longtail`` as it is typed, and scripts: in processes of their own, or in this one, where only the outcome counts.

A process costs seconds of imports. Signals, workers and the end of a process need one; a message does not.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from longtail.cli import app, saying

Done = subprocess.CompletedProcess[str]


def process(*args: object, cwd: Path, check: bool = True) -> Done:
    """Run the command in a process of its own."""
    run = [sys.executable, "-m", "longtail", *map(str, args)]
    return checked(subprocess.run(run, cwd=cwd, capture_output=True, text=True, timeout=300), check)


def here(*args: object, cwd: Path, check: bool = True) -> Done:
    """Run the command in this process. What it does not catch itself is raised: it would be a traceback."""
    words = [str(a) for a in args]
    with contextlib.chdir(cwd), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["longtail", *words])
        patch.setattr(saying, "STARTED", time.monotonic())  # a budget counts from there
        patch.delenv("LONGTAIL_DEBUG", raising=False)
        patch.setenv("COLUMNS", os.environ.get("COLUMNS", "80"))
        done = CliRunner().invoke(app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return checked(Done(words, done.exit_code, done.stdout, done.stderr), check)


def as_script(code: str, folder: Path) -> None:
    """Run Python as a script in ``folder``, in this process and with torch's draws from one seed."""
    (folder / "script.py").write_text(code, encoding="utf-8")
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=[]):
        patch.setattr(sys, "argv", ["script.py"])
        torch.manual_seed(0)
        runpy.run_path("script.py", run_name="__main__")


def checked(done: Done, check: bool) -> Done:
    if check:
        assert done.returncode == 0, done.stderr + done.stdout
    return done
