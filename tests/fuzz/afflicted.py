"""One command of the command line in a process of its own, under a fault: killed, out of disk, without permission.

The process is forked from one that has imported everything, so that moments are those of the work. Linux only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CHANGES = {
    "os.rename",
    "os.remove",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.truncate",
    "shutil.rmtree",
    "os.link",
}
TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Fault:
    """What happens to the process.

    Attributes:
        signal: sent once; 0 is none.
        seconds: of processor time of the process and its workers, after which it is sent.
        change: or the number of the change to a file before which it is sent (from 1).
        group: is it sent to the workers too, as a terminal does?
        most: bytes that a file may have; 0 is no limit.
        bound: do permissions bind, for root too?
    """

    signal: int = 0
    seconds: float = 0.0
    change: int = 0
    group: bool = False
    most: int = 0
    bound: bool = False


@dataclass(frozen=True)
class Ended:
    """How it ended: the exit code (negative: the signal), what was said, changes to files, seconds of processor time."""

    code: int
    said: str
    changes: int
    seconds: float
    struck: bool
    left: int


def run(argv: Sequence[str], folder: Path, fault: Fault | None = None, patience: float = 600) -> Ended:
    """Run ``longtail ARGV`` in a folder.

    Raises:
        TimeoutError: it hangs.
    """
    fault = fault or Fault()
    out, into = os.pipe()
    count, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        os.close(count)
        _child(argv, folder, fault, into, write)
    os.close(into)
    os.close(write)
    os.set_blocking(out, False)
    said, struck, began = bytearray(), False, time.monotonic()
    while True:
        said += _read(out)
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if fault.seconds and not struck and _spent(child) >= fault.seconds:
            (os.killpg if fault.group else os.kill)(child, fault.signal)
            struck = True
        if time.monotonic() - began > patience:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise TimeoutError(f"{' '.join(argv)} under {fault}: {said.decode(errors='replace')[-500:]}")
        time.sleep(0.003)
    left = _wait_for_workers(child, 120)
    said += _read(out)
    told = os.read(count, 100).decode().split()
    os.close(out)
    os.close(count)
    struck |= bool(told and told[-1] == "struck")
    seconds = usage.ru_utime + usage.ru_stime
    changes = int(told[0]) if told and told[0].isdecimal() else 0
    return Ended(
        os.waitstatus_to_exitcode(status), said.decode(errors="replace"), changes, seconds, struck, left
    )


def _child(argv: Sequence[str], folder: Path, fault: Fault, into: int, write: int) -> None:
    code = 1
    try:
        os.setsid()
        for standard in (1, 2):
            os.dup2(into, standard)
        os.chdir(folder)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.environ.update(COLUMNS="300", TERM="dumb")
        os.environ.pop("LONGTAIL_DEBUG", None)
        sys.argv = ["longtail", *argv]
        if fault.bound and os.geteuid() == 0:
            _bind()
        if fault.most:
            resource.setrlimit(resource.RLIMIT_FSIZE, (fault.most, resource.RLIM_INFINITY))
        number = [0]

        def look(event: str, args: tuple[object, ...]) -> None:
            opened = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
            if not opened and event not in CHANGES:
                return
            number[0] += 1
            if number[0] == fault.change:
                os.write(write, b"struck")
                os.kill(0 if fault.group else os.getpid(), fault.signal)

        sys.addaudithook(look)
        from longtail import cli
        from longtail.cli import saying

        saying.STARTED = time.monotonic()
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        if not fault.change or number[0] < fault.change:
            os.write(write, str(number[0]).encode())
    finally:
        os._exit(code)


def _bind() -> None:
    """Root's leave to pass over permissions (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH) is given up."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for place in range(3):  # effective, permitted, inheritable; of capabilities 0 to 31
        sets[place] &= ~0b110
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _read(pipe: int) -> bytes:
    found = b""
    with contextlib.suppress(BlockingIOError):
        while part := os.read(pipe, 1 << 16):
            found += part
    return found


def _session(leader: int) -> Iterator[list[str]]:
    """The fields of /proc/PID/stat behind the name, of every process of a session."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == leader:
                    yield fields


def _spent(leader: int) -> float:
    return sum((int(f[11]) + int(f[12])) * TICK for f in _session(leader))


def _wait_for_workers(leader: int, patience: float) -> int:
    """Workers end when their parent has; how many have not."""
    began = time.monotonic()
    while left := sum(f[0] != "Z" for f in _session(leader)):
        if time.monotonic() - began > patience:
            os.killpg(leader, signal.SIGKILL)
            return left
        time.sleep(0.05)
    return 0
