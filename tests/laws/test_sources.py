"""Rows on disk give the bits of rows in memory; every law notices a source that does not; nothing that trains asks for
all rows at once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from longtail import recipes
from longtail.augment import CropFlip
from longtail.catalogue import known_recipes
from longtail.classical import logistic
from longtail.comparison import estimators
from longtail.comparison.study import made
from longtail.examples import Examples
from longtail.inputs import Inputs, SparseRows, TokenRows
from longtail.net import Net
from longtail.optim import LBFGS
from longtail.part import part
from longtail.recipe import Recipe
from longtail.run import Engine, Outcome, train
from longtail.source import OnDisk, Resident, Source, sha256
from longtail.store import Cache
from longtail.testing import check_source
from longtail.testing.recipe import needs_images, toy, toy_image_net, toy_images, toy_net, toy_stage
from longtail.testing.source import LAWS, linear


@dataclass(frozen=True, eq=False)
class Mapped:
    """Rows of an ``.npy`` file, opened anew for every batch: what a source of someone's own may look like."""

    path: Path
    rows: np.ndarray

    @classmethod
    def written(cls, x: Tensor, folder: Path) -> Mapped:
        """A file of rows, in another order than theirs."""
        at = np.random.default_rng(0).permutation(len(x))
        stored = np.empty_like(x.numpy())
        stored[at] = x.numpy()
        np.save(folder / "rows.npy", stored)
        return cls(folder / "rows.npy", at)

    def read(self, at: np.ndarray) -> Tensor:
        return torch.from_numpy(np.load(self.path, mmap_mode="r")[at])

    def __len__(self) -> int:
        return len(self.rows)

    def fingerprint(self, after: str = "") -> str:
        file = self.read(self.rows[:0])
        pieces = (self.read(some) for some in np.array_split(self.rows, 3))
        return sha256(after, ((len(self), *file.shape[1:]), file.dtype, pieces))

    def take(self, index: Tensor) -> Mapped:
        return replace(self, rows=self.rows[index.cpu().numpy()])

    def to(self, device: Any) -> Mapped:
        return self

    def batch(self, index: Any, device: Any) -> Tensor:
        return self.read(self.rows[index if isinstance(index, slice) else index.cpu().numpy()]).to(device)

    def whole(self) -> Tensor:
        return self.read(self.rows)


def x(form: str = "rows") -> Inputs:
    g = torch.Generator().manual_seed(0)
    if form == "images":
        return torch.randint(0, 256, (40, 3, 4, 4), dtype=torch.uint8, generator=g)
    if form == "tokens":
        return TokenRows.of([[k + 1] * (1 + k % 3) for k in range(40)])
    if form == "sparse":
        return SparseRows(torch.arange(41), torch.arange(40) % 5, torch.rand(40, generator=g), 5)
    return torch.randn(40, 3, generator=g)


@pytest.mark.parametrize("form", ["rows", "images", "sparse", "tokens"])
def test_rows_in_memory_keep_the_law(form: str) -> None:
    check_source(Resident(x(form)))


@pytest.mark.parametrize("form", ["rows", "images"])
def test_rows_on_disk_keep_the_law(form: str, tmp_path: Path) -> None:
    check_source(Mapped.written(x(form), tmp_path))


def test_rows_of_a_mapped_tensor_keep_the_law() -> None:
    check_source(OnDisk(x()))
    check_source(OnDisk(x("images"), torch.randperm(40)[:30]))


def test_a_file_is_hashed_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, read = Resident(x()).fingerprint("a"), []
    monkeypatch.setattr("longtail.source.AT_ONCE", 100)
    batch = OnDisk.batch
    monkeypatch.setattr(OnDisk, "batch", lambda *a: read.append(batch(*a)) or read[-1])
    assert OnDisk(x()).fingerprint("a") == expected
    assert [len(some) for some in read] == [8] * 5  # 12 bytes a row


# What can go wrong with a source, each spoiling one method of a sound one.


class InTheOrderOfTheFile(Mapped):
    def batch(self, index, device):
        if isinstance(index, slice):
            return super().batch(index, device)
        return self.read(np.sort(self.rows[index.cpu().numpy()]))


class EachRowOnce(Mapped):
    def batch(self, index, device):
        if not isinstance(index, slice):
            index = torch.tensor(list(dict.fromkeys(index.tolist())), dtype=torch.int64)
        return super().batch(index, device)


class OtherNumbers(Mapped):
    def batch(self, index, device):
        return super().batch(index, device).double()


class PadsTheLastBatch(Mapped):
    def batch(self, index, device):
        if isinstance(index, slice):
            index = torch.arange(index.start, index.stop).clamp(max=len(self) - 1)
        return super().batch(index, device)


class ReadsOn(Mapped):
    """The next rows of a stream, whichever are asked for."""

    asked = 0

    def batch(self, index, device):
        ReadsOn.asked += 1
        return super().batch(index, device).roll(ReadsOn.asked // 9, 0)


class ForgetsWhatWasTaken(Mapped):
    def take(self, index):
        return replace(self, rows=index.cpu().numpy())


class LosesRepeats(Mapped):
    def take(self, index):
        return super().take(index.unique())


class ChangesWhenTaken(Mapped):
    def take(self, index):
        taken = super().take(index)
        self.rows[:2] = self.rows[1::-1]
        return taken


class HashesItsName(Mapped):
    def fingerprint(self, after=""):
        return sha256(after + self.path.name)


class HashesTheFile(Mapped):
    def fingerprint(self, after=""):
        every = np.arange(len(np.load(self.path, mmap_mode="r")))
        return replace(Mapped(self.path, every)).fingerprint(after)


class HashesRowsAlone(Mapped):
    def fingerprint(self, after=""):
        return super().fingerprint()


class SortsOnTheDevice(Mapped):
    def to(self, device):
        return replace(self, rows=np.sort(self.rows))


class OtherInALargeBatch(Mapped):
    def batch(self, index, device):
        found = super().batch(index, device)
        return found.flip(0) if len(found) == 16 else found


class CannotBeTaken:
    def __len__(self):
        return 40


SPOILED = {
    InTheOrderOfTheFile: "batches_are_the_rows_asked_for: all rows, shuffled: other rows",
    EachRowOnce: "batches_are_the_rows_asked_for: a row twice: shape",
    OtherNumbers: "batches_are_the_rows_asked_for: all rows, shuffled: other rows",
    PadsTheLastBatch: "batches_are_the_rows_asked_for: a slice past the end: shape",
    ReadsOn: "batches_are_the_rows_asked_for: asked again, ",
    ForgetsWhatWasTaken: "what_is_taken_is_those_rows: taken, ",
    LosesRepeats: "what_is_taken_is_those_rows: taken, it has 20 rows and not 40",
    ChangesWhenTaken: "what_is_taken_is_those_rows: taking rows changed the source",
    HashesItsName: "what_is_taken_is_those_rows: the fingerprint of what was taken",
    HashesTheFile: "what_is_taken_is_those_rows: the fingerprint of what was taken",
    HashesRowsAlone: "the_fingerprint_is_of_the_rows: fingerprint('labels')",
    SortsOnTheDevice: "a_device_has_the_same_rows: on cpu, all rows, shuffled: other rows",
    OtherInALargeBatch: "training_gives_the_same_bits: crt: ",
}


@pytest.mark.parametrize("spoiled", SPOILED, ids=lambda c: c.__name__)
def test_a_broken_source_is_found(spoiled: type[Mapped], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=re.escape(SPOILED[spoiled])):
        check_source(spoiled.written(x(), tmp_path))


def test_what_is_no_source_is_found() -> None:
    with pytest.raises(AssertionError, match="it_is_a_source: CannotBeTaken lacks a method"):
        check_source(CannotBeTaken())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="it_is_a_source: it has 3 rows"):
        check_source(Resident(torch.zeros(3, 2)))


def test_every_law_is_broken_by_a_specimen() -> None:
    assert {said.split(":")[0] for said in SPOILED.values()} == set(LAWS) - {"it_is_a_source"}


class TooLarge(Mapped):
    """It can be read in batches only."""

    def whole(self):
        raise ValueError(f"{len(self)} rows are too many to be held in memory")


DEEP = {
    name: found
    for name, like in known_recipes().items()
    if isinstance(found := made(like, toy_stage(2), name), Recipe)
}
STEPS = toy_stage(4)


def on_disk(data: Examples, folder: Path) -> Examples:
    """The same examples in files; no file can be read whole."""
    parts = {"rows": data.source, "more": data.unlabelled}
    kept: dict[str, Source] = {}
    for name, source in parts.items():
        (folder / name).mkdir(parents=True)
        kept[name] = TooLarge.written(source.whole(), folder / name)
    return Examples(kept["rows"], data.targets, data.name, kept["more"])


def check_batches_are_enough(recipe: Recipe, net: Net, pictures: bool, folder: Path) -> Outcome:
    """From files that cannot be read whole, a recipe gives the bits that it gives from memory."""
    make = toy_images if pictures else toy
    data, held = make(0, (90, 40, 20)), make(1, (30, 20, 10))
    expected = train(recipe, net, data, held=held)
    found = train(recipe, net, on_disk(data, folder / "0"), held=on_disk(held, folder / "1"))
    assert found.keys == expected.keys
    for name, value in expected.net.state_dict().items():
        assert torch.equal(found.net.state_dict()[name], value), name
    assert torch.equal(found.logits(held.source), expected.logits(held.source))
    return found


@pytest.mark.parametrize("name", DEEP)
def test_every_recipe_asks_for_batches_only(name: str, tmp_path: Path) -> None:
    recipe = DEEP[name]
    pictures = needs_images(recipe)
    check_batches_are_enough(recipe, toy_image_net() if pictures else toy_net(), pictures, tmp_path)


@pytest.mark.parametrize(
    "recipe",
    [recipes.crt(STEPS.but(augment=part(CropFlip, pad=1)), views=2), recipes.swa(STEPS)],
    ids=["features of views", "averages that read the rows again"],
)
def test_pictures_are_asked_for_in_batches_only(recipe: Recipe, tmp_path: Path) -> None:
    check_batches_are_enough(recipe, toy_image_net(), True, tmp_path)


@pytest.mark.parametrize(
    ("recipe", "net"),
    [(linear(), Net(nn.Identity(), nn.Linear(2, 3))), (recipes.crt(STEPS.but(solve=part(LBFGS))), toy_net())],
    ids=["on the rows", "on features"],
)
def test_a_solver_asks_for_batches_only(recipe: Recipe, net: Net, tmp_path: Path) -> None:
    outcome = check_batches_are_enough(recipe, net, False, tmp_path)
    assert "converged" in outcome.history[-1]


def test_what_needs_all_rows_says_why_it_cannot_have_them(tmp_path: Path) -> None:
    data = on_disk(toy(0, (30, 20, 10)), tmp_path)
    with pytest.raises(ValueError, match="60 rows are too many to be held in memory"):
        estimators.fit(logistic(), data, 0, (), Cache(None), Engine())
    with pytest.raises(ValueError, match="60 rows are too many to be held in memory"):
        _ = data.x
