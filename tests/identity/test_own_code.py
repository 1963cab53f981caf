"""A class of the user's own counts with what its code does: edited, it is another class; moved or commented, the same."""

import copyreg
import importlib
import os
import subprocess
import sys

import pytest
import torch

import longtail
from longtail import recipes
from longtail.kinds.start import base_stage
from longtail.net import Net
from longtail.own_code import code_digest, is_own
from longtail.part import digest, part
from longtail.recipe import Recipe
from longtail.rooms import name_of
from longtail.run.chain import net_digest

HELPERS = """
FACTORS = [1.0, 2.0]

def scaled(x):
    return FACTORS[1] * x

class Base:
    def strength(self):
        return 3.0
"""
LOSS = """
import functools
import torch
import HELPERS
from HELPERS import Base

TABLE = torch.tensor([0.5, 1.5])

def plain(x, power=2.0):
    return x ** power

@functools.cache
def halved(n):
    return n / 2

@torch.no_grad()
def quiet(x):
    return x + 5.0

class Mine(Base, torch.nn.Module):
    rate = 0.25

    def __init__(self, gamma: float = 1.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits, y):
        from HELPERS import scaled as other
        inner = lambda z: z - 7.0
        z = plain(HELPERS.scaled(logits)) * self.strength() + halved(8.0) + quiet(inner(other(logits)))
        return torch.nn.functional.cross_entropy(z * TABLE[0], y) * self.rate
"""


def written(folder, loss=("", ""), helpers=("", ""), name="mine"):
    """The two files in a folder, each with one edit."""
    folder.mkdir(parents=True, exist_ok=True)
    for file, text, (old, new) in ((name, LOSS, loss), ("helpers", HELPERS, helpers)):
        assert old in text
        (folder / f"{file}.py").write_text(text.replace(old, new, 1).replace("HELPERS", "helpers"))


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The class ``Mine`` of the two files, imported anew from a folder of its own."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(folder="here", name="mine", **edit):
        written(tmp_path / folder, name=name, **edit)
        for old in (name, "helpers"):
            sys.modules.pop(old, None)
        monkeypatch.syspath_prepend(tmp_path / folder)
        return importlib.import_module(name).Mine

    yield make
    for name in ("mine", "other", "tabnanny", "helpers"):
        sys.modules.pop(name, None)


EDITS = {
    "a number in a method": {"loss": ("- 7.0", "- 8.0")},
    "an operator": {"loss": ("* self.rate", "/ self.rate")},
    "a class attribute": {"loss": ("rate = 0.25", "rate = 0.5")},
    "a function beside it": {"loss": ("x ** power", "x * power")},
    "a default": {"loss": ("power=2.0", "power=3.0")},
    "a cached function": {"loss": ("n / 2", "n / 3")},
    "a function under torch's decorator": {"loss": ("x + 5.0", "x + 6.0")},
    "a tensor": {"loss": ("[0.5, 1.5]", "[0.6, 1.5]")},
    "a function of another file": {"helpers": ("FACTORS[1]", "FACTORS[0]")},
    "a list of another file": {"helpers": ("2.0]", "2.5]")},
    "a method of a base class": {"helpers": ("3.0", "4.0")},
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_makes_it_another_class(edit, made):
    before = digest(part(made()))
    assert digest(part(made("edited", **EDITS[edit]))) != before


SAME = {
    "a comment": {"loss": ("class Mine", "# what follows is mine\n\n\nclass Mine")},
    "a value that it does not name": {"loss": ("TABLE =", "UNUSED = 3\nTABLE =")},
    "an annotation": {"loss": ("gamma: float", "gamma: int")},
    "a function that it does not name": {
        "helpers": ("class Base", "def unused():\n    return 9\n\nclass Base")
    },
    "another place": {"folder": "there"},
    "another file": {"folder": "there", "name": "other"},
    "a file called as one of Python's": {"folder": "there", "name": "tabnanny"},
}


@pytest.mark.parametrize("edit", SAME)
def test_what_changes_nothing_does_not_count(edit, made):
    before = digest(part(made()))
    assert digest(part(made(**{"folder": "edited", **SAME[edit]}))) == before


def test_another_class_of_the_same_name_and_keywords_is_another(made):
    cls = made()
    assert digest(part(cls, gamma=1.0)) == digest(part(cls)) != digest(part(cls, gamma=2.0))
    assert name_of(cls) == "mine:Mine"


@pytest.mark.parametrize("seed", ["0", "1"])
def test_every_process_finds_the_same(made, tmp_path, seed):
    code = "import mine; from longtail.part import digest, part; print(digest(part(mine.Mine)))"
    cls = made()
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "here", capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    ).stdout.strip()  # fmt: skip
    assert found == digest(part(cls))


def test_a_net_of_one_s_own_counts_with_its_code():
    def net(body):
        space = {"torch": torch, "__name__": "mine"}
        exec(f"class Twice(torch.nn.Linear):\n    def forward(self, x):\n        return {body}", space)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return Net(space["Twice"](2, 3), torch.nn.Linear(3, 2))

    assert net_digest(net("2 * super().forward(x)")) == net_digest(net("2 * super().forward(x)"))
    assert net_digest(net("2 * super().forward(x)")) != net_digest(net("3 * super().forward(x)"))


def test_torch_and_python_are_not_looked_into():
    assert code_digest(torch.nn.CrossEntropyLoss) != code_digest(torch.nn.NLLLoss)
    assert not any(map(is_own, ("torch.nn", "numpy", "json", "longtail.losses", "sklearn.base")))


@pytest.fixture
def points():
    g = torch.Generator().manual_seed(0)
    y = torch.arange(60) % 3 // 2
    return (torch.randn(60, 2, generator=g) + y[:, None]).numpy(), y.numpy()


def test_an_edited_loss_is_trained_again(made, points, tmp_path):
    def compared(cls):
        stage = base_stage("embedding", n=60, epochs=2).but(loss=part(cls))
        found = longtail.compare(
            points, recipes={"erm": recipes.erm, "mine": Recipe("mine", (stage,))}, folds=2, epochs=2, model=False,
            out=tmp_path / "out",
        )  # fmt: skip
        return {r["identity"]: (r["recipe"], r["scores"]) for r in found.results["runs"]}

    first = compared(made())
    assert compared(made("commented", loss=SAME["a comment"]["loss"])) == first
    edited = compared(made("edited", **EDITS["a function of another file"]))
    again = set(edited) - set(first)
    assert {edited[k][0] for k in again} == {"mine"}
    assert len(again) == 2
    assert all(edited[k][1] not in [scores for _, scores in first.values()] for k in again)


def test_what_python_notes_on_a_class_by_itself_does_not_count() -> None:
    class Own:
        def f(self) -> int:
            return 1

    before = code_digest(Own)
    copyreg._slotnames(Own)  # as the first copy or pickle of an instance does
    assert "__slotnames__" in vars(Own)
    assert code_digest(Own) == before
