"""Files are written whole or not at all, checked when read, and a folder has one writer."""

import json
import os
import stat
import subprocess
import sys
import threading

import pytest

from longtail.files import HOST, Damaged, held, read_json, sweep, whole, write_json, write_text


def names(folder):
    return sorted(f.name for f in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path):
    file = tmp_path / "there" / "a.txt"
    with whole(file) as temporary:
        temporary.write_text("half")
        assert not file.exists()
        assert temporary.parent == file.parent
    assert file.read_text() == "half"
    assert names(file.parent) == ["a.txt"]


@pytest.mark.parametrize(
    "what", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(1)], ids=repr
)
@pytest.mark.parametrize("step", ["chmod", "fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, what, step):
    file = tmp_path / "a.txt"
    write_text(file, "old")

    def fail(*args, **kwargs):
        raise what

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(type(what)):
        write_text(file, "new")
    monkeypatch.undo()
    assert file.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


KILLED = """
import os, signal, sys
from longtail.files import whole
with whole(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_write_leaves_the_old_file_and_the_next_one_sweeps(tmp_path):
    file = tmp_path / "a.txt"
    write_text(file, "old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(file)]).returncode == -9
    assert file.read_text() == "old"
    assert len(names(tmp_path)) == 2
    write_text(tmp_path / "b.txt", "other")
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_only_what_dead_processes_of_this_machine_left_is_swept(tmp_path):
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True
    )
    alive, gone = f"{HOST}-{os.getppid()}", f"{HOST}-{int(dead.stdout)}"
    other = f"{'0' * 6 if HOST != '0' * 6 else '1' * 6}-{int(dead.stdout)}"
    kept = [f".a.{alive}-0123456789ab.tmp", f".a.{other}-0123456789ab.tmp", ".mine.tmp", "b.tmp", ".a.txt"]
    for name in [*kept, f".a.txt.{gone}-0123456789ab.tmp"]:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert names(tmp_path) == sorted(kept)


def test_what_an_earlier_process_of_our_number_left_is_swept(tmp_path):
    """In a container the number is the same each time: nothing was ever swept there."""
    (tmp_path / f".a.{HOST}-{os.getpid()}-0123456789ab.tmp").touch()
    with whole(tmp_path / "a") as temporary:
        assert names(tmp_path) == [temporary.name]
        write_text(tmp_path / "b", "x")  # what is being written stays, whoever sweeps
        assert names(tmp_path) == [temporary.name, "b"]
    assert names(tmp_path) == ["a", "b"]


def test_others_can_read_it_and_a_mode_of_your_own_stays(tmp_path):
    before = os.umask(0o022)
    try:
        write_text(tmp_path / "a", "x")
        os.umask(0o077)
        write_text(tmp_path / "b", "x")
        (tmp_path / "a").chmod(0o600)
        os.umask(0o022)
        write_text(tmp_path / "a", "y")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in "ab"] == [0o600, 0o600]
    (tmp_path / "b").unlink()
    with whole(tmp_path / "b") as temporary:
        temporary.unlink()
        os.close(os.open(temporary, os.O_CREAT | os.O_WRONLY, 0o600))  # a writer that makes private files
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o666 & ~before


def test_a_link_stays_a_link_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    found = []
    reader = threading.Thread(target=lambda: found.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_text(tmp_path / "pipe", "through")
    reader.join()
    assert found == ["through"]


def test_a_folder_in_place_of_a_file_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder: name a file in it"):
        write_text(tmp_path, "x")
    with pytest.raises(IsADirectoryError, match=r"where a JSON file is expected"):
        read_json(tmp_path)


@pytest.mark.parametrize(
    "value", [{}, {"a": [1, 2.5, None, "é"]}, {"b": {"2": 1, "10": (1, 2)}, "a": 1e-300}, {1: 2, 10: 3}]
)
def test_checked_json_comes_back(tmp_path, value):
    write_json(tmp_path / "a.json", value, checked=True)
    assert read_json(tmp_path / "a.json", checked=True) == json.loads(json.dumps(value))


@pytest.mark.parametrize("at", range(0, 60, 5))
@pytest.mark.parametrize("how", ["cut", "flip"])
def test_damage_is_seen_wherever_it_is(tmp_path, at, how):
    file = tmp_path / "a.json"
    write_json(file, {"score": 0.123456, "name": "abc", "list": [1, 2, 3]}, checked=True)
    raw = bytearray(file.read_bytes())
    if how == "cut":
        raw = raw[:at]
    else:
        raw[at] ^= 1
    file.write_bytes(raw)
    with pytest.raises(Damaged, match=r"a\.json"):
        read_json(file, checked=True)


@pytest.mark.parametrize(
    "text", ["", "[1]", "3", "null", "{}", '{"a": 1}', "[" * 100_000, '{"checksum": 3}', "\udcff"]
)
def test_what_is_no_checked_json_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Damaged, match=r"a\.json"):
        read_json(tmp_path / "a.json", checked=True)


HOLD = """
import sys
from longtail.files import held
with held(sys.argv[1], "longtail compare"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_has_one_writer_and_is_free_when_it_dies(tmp_path):
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout.readline() == "held\n"
    with (
        pytest.raises(RuntimeError, match=rf"longtail compare \(process {first.pid}\) is writing here"),
        held(tmp_path, "x"),
    ):
        pass
    first.kill()
    first.wait()
    with held(tmp_path, "x"), held(tmp_path / "other", "x"):
        pass
    with held(tmp_path, "x"):
        pass
