"""A folder as a store: what lies where, what is damaged, what is another version's."""

import pickle

import pytest
import torch

from longtail import __version__
from longtail.files import Damaged
from longtail.store import FolderStore, stores_in


def test_what_an_earlier_command_kept_is_found(tmp_path):
    """The names of files are those of old: a folder of before goes on."""
    store = FolderStore(tmp_path)
    store.stages.put("a", {"w": torch.ones(2)}, {})
    store.outputs.put("b", {"rows": torch.arange(2)}, {})
    store.runs.put("b", {"recipe": "erm"})
    store.records("probe").put("c", {"epochs": [1]})
    found = sorted(str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if f.is_file())
    assert found == [
        f"cache/{__version__}-a.safetensors", f"probe/{__version__}-c.json",
        f"runs/{__version__}-b.json", f"runs/{__version__}-b.safetensors",
    ]  # fmt: skip


def test_nothing_is_made_before_something_is_kept(tmp_path):
    store = FolderStore(tmp_path / "out")
    assert "a" not in store.stages
    assert store.outputs.get("a") is None
    assert store.runs.get("a") is None
    store.stages.drop("a")
    assert not (tmp_path / "out").exists()
    assert store.stages.scratch.is_dir()  # asked for, it is there


def test_records_come_back_and_damaged_ones_are_set_aside(tmp_path):
    runs = FolderStore(tmp_path).runs
    runs.put("a", {"recipe": "é", "scores": [0.1]})
    assert runs.get("a") == {"recipe": "é", "scores": [0.1]}
    (file,) = (tmp_path / "runs").iterdir()
    file.write_text(file.read_text().replace("0.1", "0.2"))
    with pytest.raises(Damaged, match="does not match"):
        runs.get("a")
    place, aside = runs.set_aside("a")
    assert place == str(file)
    assert "a" not in runs
    assert [f.name for f in (tmp_path / "runs").iterdir()] == [aside]


def test_it_travels_to_other_processes(tmp_path):
    store = FolderStore(tmp_path)
    store.runs.put("a", {"recipe": "erm"})
    assert pickle.loads(pickle.dumps(store)).runs.get("a") == {"recipe": "erm"}


def test_the_stores_of_several_data_sets_are_found(tmp_path):
    FolderStore(tmp_path / "one").runs.put("a", {})
    FolderStore(tmp_path / "two").stages.put("a", {}, {})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("not ours")
    assert {store.folder.name for store in stores_in(tmp_path)} == {"one", "two"}
