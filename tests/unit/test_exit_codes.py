"""The command line's exit codes: who has something to mend."""

import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from longtail import api, cli
from longtail.cli import ending
from longtail.comparison.counted import RunsFailed
from longtail.executors import WorkerDied
from longtail.files import InUse
from longtail.run import OutOfTime

CASES = [
    (ValueError("column 'size' has words"), 2, "Error: column 'size' has words"),
    (PermissionError(13, "Permission denied", "a.csv"), 2, "Permission denied"),
    (OSError(28, "No space left on device"), 2, "No space left on device"),
    (IsADirectoryError(21, "Is a directory", "a.csv"), 2, "Is a directory"),
    (MemoryError(), 2, "not enough memory"),
    (ImportError("transformers is not installed"), 2, "transformers"),
    (WorkerDied("a worker process died"), 2, "a worker process died"),
    (InUse("out: another process is writing here"), 2, "Error: out: another process is writing here"),
    (OutOfTime("no run finished in 3 s"), 3, "Out of time: no run finished in 3 s"),
    (RunsFailed("every run failed. erm: ValueError: no"), 1, "Error: every run failed. erm"),
    (KeyError("fold"), 1, "a fault of longtail's: KeyError: 'fold'"),
    (RuntimeError("size mismatch"), 1, "a fault of longtail's: RuntimeError: size mismatch"),
    (KeyboardInterrupt(), 130, "Stopped. Nothing finished is lost"),
    (ending.Terminated(), 143, "Stopped. Nothing finished is lost"),
]


@pytest.mark.parametrize("why, code, words", CASES, ids=[type(c[0]).__name__ for c in CASES])
def test_each_kind_of_end_has_its_code_and_one_line(monkeypatch, why, code, words):
    def fail(*args, **how):
        raise why

    monkeypatch.delenv("LONGTAIL_DEBUG", raising=False)
    monkeypatch.setattr(api, "inspect", fail)
    done = CliRunner().invoke(cli.app, ["inspect", "a.csv"])
    assert done.exit_code == code
    assert words in " ".join(done.output.split())
    assert "Traceback" not in done.output


@pytest.mark.parametrize("thread", [False, True])
def test_a_command_ends_at_once_but_not_before_what_waits_for_its_end(thread):
    """With a thread at work Python ends as always, and waits for it."""
    waiting = "lambda: (threading.main_thread().join(), print('worked'))"
    work = f"threading.Thread(target={waiting}).start()\n" if thread else ""
    code = (
        "import atexit, sys, threading\n"
        "atexit.register(print, 'last')\n"
        f"{work}sys.argv = ['longtail', '--version']\n"
        "from longtail.__main__ import run\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "longtail", *(["worked"] if thread else []), "last",
    ]  # fmt: skip


def rest(seconds):
    """Sleep in short naps: what comes from another thread is seen between them."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ending.Terminated])
def test_a_stop_that_a_destructor_swallows_comes_again(monkeypatch, capsys, stop):
    class Closing:
        def __del__(self):
            raise stop

    monkeypatch.setattr("sys.unraisablehook", ending.come_again)
    was = signal.signal(signal.SIGTERM, ending.terminated)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    closing = [Closing()]
    closing.clear()
    try:
        with pytest.raises(stop):
            rest(5)
    finally:
        signal.signal(signal.SIGTERM, was)
        signal.signal(signal.SIGINT, before)
    assert "Traceback" not in capsys.readouterr().err
