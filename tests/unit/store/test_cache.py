import multiprocessing
import warnings

import pytest
import torch

from longtail import __version__
from longtail.store import Cache
from longtail.store.checked import load_checked, save_checked
from longtail.store.packed import pack, unpack


def test_round_trip(tmp_path):
    cache = Cache(tmp_path)
    cache.put("a", {"w": torch.arange(3.0), "n": torch.tensor(2)}, {"why": "é"})
    tensors, facts = cache.get("a")
    assert torch.equal(tensors["w"], torch.arange(3.0))
    assert tensors["n"].item() == 2
    assert facts == {"why": "é"}
    assert cache.get("b") is None
    assert [f.name for f in tmp_path.iterdir()] == [f"{__version__}-a.safetensors"]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "foreign"])
def test_damage_is_reported_and_forgotten(tmp_path, damage):
    cache = Cache(tmp_path)
    cache.put("a", {"w": torch.arange(300.0)}, {})
    file = tmp_path / f"{__version__}-a.safetensors"
    raw = bytearray(file.read_bytes())
    if damage == "cut":
        raw = raw[:-10]
    elif damage == "flip":
        raw[-5] ^= 1
    elif damage == "empty":
        raw = bytearray()
    else:
        from safetensors.torch import save

        raw = bytearray(save({"w": torch.zeros(2)}))
    file.write_bytes(raw)
    with pytest.warns(UserWarning, match="damaged"):
        assert cache.get("a") is None
    assert not file.exists()


def test_what_another_version_trained_is_left_alone(tmp_path, monkeypatch):
    cache = Cache(tmp_path)
    cache.put("a", {"w": torch.ones(2)}, {})
    monkeypatch.setattr("longtail.store.cache.__version__", "0.0.9")
    assert "a" not in cache
    assert cache.get("a") is None
    cache.put("a", {"w": torch.zeros(2)}, {})
    monkeypatch.undo()
    assert torch.equal(cache.get("a")[0]["w"], torch.ones(2))


def test_a_half_written_file_is_never_seen(tmp_path):
    cache = Cache(tmp_path)
    (tmp_path / f".{__version__}-a.safetensors.123").write_bytes(b"half")
    assert cache.get("a") is None


def test_pack_keeps_optimizer_state(tmp_path):
    p = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([p], lr=0.1)
    p.sum().backward()
    optimizer.step()
    tensors = {}
    packed = pack(optimizer.state_dict(), tensors)
    Cache(tmp_path).put("o", tensors, {"state": packed})
    tensors, facts = Cache(tmp_path).get("o")
    again = torch.optim.AdamW([p], lr=0.5)
    again.load_state_dict(unpack(facts["state"], tensors))
    assert again.param_groups[0]["lr"] == 0.1
    assert torch.equal(again.state[p]["exp_avg"], optimizer.state[p]["exp_avg"])


def _hammer(folder):
    cache = Cache(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for k in range(60):
            cache.put("same", {"w": torch.full((1000,), 7.0)}, {})
            got = cache.get("same")
            assert got is None or bool((got[0]["w"] == 7).all())
            cache.put(f"own{k % 3}", {"w": torch.zeros(10)}, {})


def test_two_processes_share_a_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_hammer, args=(str(tmp_path),)) for _ in range(2)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert [w.exitcode for w in workers] == [0, 0]
    for file in tmp_path.iterdir():
        load_checked(file)


def test_a_full_disk_is_an_error_of_the_system(tmp_path, monkeypatch):
    """safetensors has an error of its own for it, which looked like a fault of ours."""
    import safetensors
    from safetensors import torch as written

    def full(*args, **how):
        raise safetensors.SafetensorError(
            "Error while serializing: I/O error: No space left on device (os error 28)"
        )

    monkeypatch.setattr(written, "save_file", full)
    with pytest.raises(OSError, match="No space left") as why:
        save_checked(tmp_path / "a.safetensors", {"a": torch.zeros(1)}, {})
    assert why.value.errno == 28
    assert list(tmp_path.iterdir()) == []
