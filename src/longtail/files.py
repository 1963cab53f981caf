"""Files: written whole or not at all, read with a check, and held by one process at a time.

A result is written under a temporary name beside its place, synced to the disk and renamed. So a reader sees the old
file or the new one, never half of one. A write that is killed, or meets a full disk, leaves the old file as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]
MARK = r"([0-9a-f]{6})-(\d+)-[0-9a-f]{12}"
"""Files in the making bear the mark of the machine and the process that writes them, so that a dead one's can be told."""
TEMPORARY = re.compile(rf"\..+\.{MARK}\.tmp")
_OURS: set[str] = set()
"""The marks under which this process is writing now."""


class Damaged(ValueError):
    """A file that is cut short or altered. The message names it."""


class InUse(RuntimeError):
    """A folder that another process is writing into."""


class NotWritten(OSError):
    """A file could not be written, for want of room or of permission; what was there before is whole."""


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A temporary place for what becomes ``path`` when the block ends without an error.

    The folder is made where it is missing. The file can be read by others, as your umask allows; one that is replaced
    keeps its mode. What dead processes left half-written in the folder is removed.

    Raises:
        IsADirectoryError: ``path`` is a folder.
        NotWritten: the disk is full, or the folder may not be written to; the old file is whole.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(folder + "/there/a.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     (Path(folder) / "there" / "a.txt").read_text()
    'done'
    """
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name a file in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    if path.exists() and not path.is_file():  # /dev/stdout, a pipe: there is nothing to rename
        yield path
        return
    sweep(path.parent)
    with marked() as mark:
        temporary = path.with_name(f".{path.name[:150]}.{mark}.tmp")
        try:
            temporary.touch(exist_ok=False)
            mode = stat.S_IMODE(temporary.stat().st_mode) if mode is None else mode
            yield temporary
            os.chmod(temporary, mode)  # some writers make private files
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except OSError as why:
            said = f"{path} could not be written ({why.strerror or why}); what was there before is whole"
            failed = NotWritten(said)
            failed.errno = why.errno
            raise failed from why
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def marked() -> Iterator[str]:
    """A mark for the names of files in the making; it ends with the block, or with the process."""
    mark = f"{HOST}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
    _OURS.add(mark)
    try:
        yield mark
    finally:
        _OURS.discard(mark)


def write_text(path: str | Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all; see :func:`whole`."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")


def write_json(
    path: str | Path, value: dict[str, Any], indent: int | None = None, checked: bool = False
) -> None:
    """Write JSON, whole or not at all; ``checked`` adds a checksum, which :func:`read_json` looks at."""
    if checked:
        value = json.loads(json.dumps(value))  # as it will be read
        value["checksum"] = _checksum(value)
    write_text(path, json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


def read_json(path: str | Path, checked: bool = False) -> dict[str, Any]:
    """The JSON object in a file.

    Args:
        path: the file.
        checked: must it have a checksum? One that is there is looked at in any case.

    Raises:
        Damaged: no JSON object, or another checksum. OSError: it is not there, or may not be read.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder, where a JSON file is expected")
    try:
        value = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as why:
        raise Damaged(f"{path} is damaged or no JSON ({why})") from None
    if not isinstance(value, dict):
        raise Damaged(f"{path} holds a JSON {type(value).__name__}, where an object is expected")
    said = value.pop("checksum", None)
    if said is None and checked:
        raise Damaged(f"{path} has no checksum: it was altered, or longtail did not write it")
    if said is not None and said != _checksum(value):
        raise Damaged(f"{path} is damaged: its checksum does not match")
    return value


def sweep(folder: str | Path, pattern: re.Pattern[str] = TEMPORARY, keep: str = "") -> None:
    """Remove what processes of this machine that are dead left half-written in ``folder``.

    An earlier process may have had the number of this one, as in a container: what bears its number and is not being
    written is its.

    Args:
        pattern: of the names, with a ``MARK`` in it.
        keep: a name that stays.
    """
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return
    for name in names:
        found = pattern.fullmatch(name)
        if found is None or found[1] != HOST or name == keep:
            continue
        process = int(found[2])
        if any(mark in name for mark in _OURS) if process == os.getpid() else _alive(process):
            continue
        (Path(folder) / name).unlink(missing_ok=True)


@contextmanager
def held(folder: str | Path, what: str) -> Iterator[None]:
    """Hold a folder for this process. The hold ends with the process, however it ends.

    Args:
        folder: made if it is missing; a file ``.lock`` in it stays, empty of meaning once nobody holds it.
        what: who writes here, for the message.

    Raises:
        InUse: another process holds it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such locks on Windows
        yield
        return
    with (folder / ".lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise InUse(
                f"{folder}: {lock.read(200).strip() or 'another process'} is writing here. Wait until it has finished, "
                "or name another folder (out)"
            ) from None
        except OSError:  # a file system without locks: go on without
            yield
            return
        lock.truncate(0)
        lock.write(f"{what} (process {os.getpid()})")
        lock.flush()
        yield


def _checksum(value: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows has no handles of folders
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
