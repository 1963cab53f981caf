"""Every sampler in the room keeps the laws, and every law notices a sampler that does not."""

from __future__ import annotations

import inspect
import math
import random

import pytest
import torch
from torch import Tensor

from longtail import samplers
from longtail.labels import Labels
from longtail.part import Part, from_json, part, to_json
from longtail.samplers import ClassBalanced, EpochSampler, MPerClass, Shuffled, Subset, cycles, drawn
from longtail.testing.sampler import check_sampler

# Constructor arguments beyond the defaults, for those that need some and for more than one setting.
SETTINGS: dict[str, tuple[dict, ...]] = {
    "ClassBalanced": ({}, {"power": 0.5}, {"power": 1.0}, {"power": -1.0}, {"length": 50}),
    "Progressive": (
        {},
        {"convention": "decoupling", "epochs": 10},
        {"convention": "bag_of_tricks", "epochs": 10},
    ),
    "EffectiveNumberSampler": ({}, {"beta": 0.9}, {"beta": 0.0}),
    "OverSample": ({}, {"to": 20}, {"ratio": 0.5}),
    "UnderSample": ({}, {"to": 20}, {"ratio": 0.5}),
    "RepeatFactor": ({"threshold": 0.2}, {"threshold": 0.2, "sqrt": False}),
    "ClassAware": ({}, {"k": 4}),
    "MPerClass": ({"m": 4, "batch_size": 16}, {"m": 1, "batch_size": 6}),
    "Subset": (
        {"classes": (0, 4, 6)},
        {"group": "few", "of": ClassBalanced()},
        {"classes": (0, 1, 5), "of": samplers.RepeatFactor(threshold=0.3)},
    ),
}


def cases() -> list:
    out = []
    for name in samplers.__all__:
        role = getattr(samplers, name)
        if isinstance(role, type) and not inspect.isabstract(role) and role is not EpochSampler:
            out += [
                pytest.param(role, kw, id=f"{name}-{i}") for i, kw in enumerate(SETTINGS.get(name, ({},)))
            ]
    return out


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_laws(role: type, kwargs: dict) -> None:
    together = kwargs.get("m", 1)
    check_sampler(role(**kwargs), together=together)


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if 140 examples were many: an epoch comes in several pieces, some classes are shuffled on their own."""
    monkeypatch.setattr(drawn, "CHUNK", 24)
    monkeypatch.setattr(cycles, "ALONE", 30)
    monkeypatch.setattr(cycles, "SLAB", 16)


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_laws_in_pieces(role: type, kwargs: dict) -> None:
    check_sampler(role(**kwargs), together=kwargs.get("m", 1))


def interleaved(lists: list[list[int]], together: int) -> list[int]:
    """The ranks' indices in the order of the epoch: a run of each in turn."""
    runs = [[one[k : k + together] for k in range(0, len(one), together)] for one in lists]
    return [index for turn in zip(*runs) for run in turn for index in run]


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_ranks_and_resuming_in_pieces(role: type, kwargs: dict) -> None:
    """The ranks together are the one-process epoch, and going on in any piece is going straight through."""
    labels = Labels.of([0] * 80 + [1] * 35 + [3] * 16 + [4] * 7 + [5] * 3 + [6])

    def sampler(**where: int) -> EpochSampler:
        one = EpochSampler(labels, role(**kwargs), epochs=4, seed=3, **where)
        one.set_epoch(2)
        return one

    whole = list(sampler())
    assert len(whole) == len(sampler())
    together = getattr(role(**kwargs), "together", 1)
    two = [list(sampler(num_replicas=2, rank=r)) for r in range(2)]
    assert interleaved(two, together)[: len(whole)] == whole
    for rank, straight in enumerate(two):
        for stop in range(0, len(straight), 13):
            first, second = sampler(num_replicas=2, rank=rank), sampler(num_replicas=2, rank=rank)
            run = iter(first)
            head = [next(run) for _ in range(stop)]
            second.load_state_dict(first.state_dict())
            assert head + list(second) == straight
    for stop in range(0, len(whole), 13):
        first, second = sampler(), sampler()
        run = iter(first)
        head = [next(run) for _ in range(stop)]
        second.load_state_dict(first.state_dict())
        assert head + list(second) == whole


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_one_class_and_one_example(role: type, kwargs: dict) -> None:
    """Data of a single class, and of single examples, give an epoch or an error that names an argument."""
    for y in ([0], [0, 0, 0], [0, 1]):
        labels = Labels.of(y)
        sampler = role(**kwargs)
        needs = 16 // 4 if role is MPerClass and kwargs["m"] == 4 else 6 if role is MPerClass else 1
        if labels.num_classes < needs or (role is Subset and kwargs.get("classes")):
            with pytest.raises(ValueError, match=r"batch_size|classes"):
                sampler(labels, torch.Generator().manual_seed(0))
        else:
            index = sampler(labels, torch.Generator().manual_seed(0))
            assert set(labels.y[index].tolist()) <= set(y)


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_a_recipe_can_hold_it(role: type, kwargs: dict) -> None:
    if any(callable(v) for v in kwargs.values()):
        kwargs = {**kwargs, "of": part(ClassBalanced)}
    p = part(role, **kwargs)
    assert from_json(to_json(p)) == p
    labels = Labels.of([0] * 30 + [1] * 5 + [2] * 3 + [3] * 2 + [4, 4, 5, 6])
    assert isinstance(p, Part)
    built = p.build(labels=labels, counts=labels.counts)
    assert len(built(labels, torch.Generator().manual_seed(0))) > 0


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_ranks_interleave_to_the_one_process_epoch(role: type, kwargs: dict, ranks: int) -> None:
    labels = Labels.of([0] * 80 + [1] * 35 + [3] * 16 + [4] * 7 + [5] * 3 + [6])
    whole = list(EpochSampler(labels, role(**kwargs), epochs=4, seed=3))
    for drop_last in (False, True):
        parts = [
            EpochSampler(
                labels, role(**kwargs), epochs=4, seed=3, num_replicas=ranks, rank=r, drop_last=drop_last
            )
            for r in range(ranks)
        ]
        lists = [list(p) for p in parts]
        assert {len(p) for p in parts} == {len(one) for one in lists} == {len(lists[0])}
        together = getattr(role(**kwargs), "together", 1)
        joined, turn = interleaved(lists, together), ranks * together
        if drop_last:
            assert joined == whole[: len(whole) // turn * turn]
        else:
            assert joined == whole + whole[: len(joined) - len(whole)]
            assert len(joined) - len(whole) < turn


@pytest.mark.parametrize(("role", "kwargs"), cases())
def test_bad_numbers_and_endless_epochs_are_refused(role: type, kwargs: dict) -> None:
    """NaN, infinity, fractions of a draw and 10^9 draws a class: an error that names the argument, before memory is
    filled."""
    labels = Labels.of([0] * 30 + [1] * 5 + [2] * 3 + [3] * 2 + [4, 4, 5, 6])
    asked = 0
    for name, parameter in inspect.signature(role).parameters.items():
        kind = str(parameter.annotation)
        bad: list = [math.nan, math.inf, -math.inf] if "float" in kind or "int" in kind else []
        if name in ("k", "length", "m", "batch_size", "to"):
            bad += [10**9, 2.5, True]
        elif name in ("threshold",) and "int" in kind:
            bad += [2.5]
        if name in ("classes", "run", "group", "categories", "of", "sqrt", "convention"):
            continue
        for value in bad:
            others = {k: v for k, v in kwargs.items() if {k, name} != {"to", "ratio"}}
            if name == "m":
                others["batch_size"] = 10**9
            asked += 1
            with pytest.raises((ValueError, TypeError), match=name if name != "m" else "m=|batch_size"):
                role(**{**others, name: value})(labels, torch.Generator().manual_seed(0))
    assert asked or role in (Shuffled,)


def test_a_huge_repeat_factor_is_refused() -> None:
    labels = Labels.of([0] * 9 + [1])
    with pytest.raises(ValueError, match=r"threshold=1e\+18"):
        samplers.RepeatFactor(threshold=1e18, sqrt=False)(labels, torch.Generator().manual_seed(0))


class Broken:
    """A sampler right but for one fault."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def stream_prior(self, labels: Labels, t: float = 0.0) -> Tensor:
        if self.fault == "claims balance":
            return ClassBalanced().stream_prior(labels)
        return labels.prior.float() if self.fault == "float32" else labels.prior

    def size(self, labels: Labels, t: float = 0.0) -> int:
        return len(labels) + (self.fault == "size")

    def drawn_size(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> int:
        return len(labels) + (self.fault == "drawn size")

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        n = len(labels)
        index = torch.randperm(n, generator=generator)
        if self.fault == "global torch":
            index = torch.randperm(n)
        if self.fault == "global random":
            random.random()
        if self.fault == "no draw":
            index = torch.arange(n)
        if self.fault == "out of range":
            index = index + 1
        if self.fault == "int32":
            index = index.int()
        if self.fault == "moves labels":
            labels.y[0] = 0
        if self.fault == "one example of a class":
            index = torch.where(labels.y[index] == 1, (labels.y == 1).nonzero()[0, 0], index)
        return index


FAULTS = {
    "claims balance": "frequencies",
    "float32": "float64",
    "size": "size",
    "drawn size": "drawn_size says",
    "global torch": "global random state",
    "global random": "global random state",
    "no draw": "same indices",
    "out of range": "outside",
    "int32": "int64",
    "moves labels": "changed the labels",
    "one example of a class": "drawn alike",
}


def test_the_specimen_is_sound_without_its_fault() -> None:
    check_sampler(Broken("none"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_sampler_is_caught(fault: str) -> None:
    from longtail.testing.sampler import a_long_tail

    labels = a_long_tail()
    if fault == "moves labels":  # make sure the fault is one
        labels = Labels.of(torch.cat([torch.tensor([1]), labels.y[1:]]), num_classes=7)
    with pytest.raises(AssertionError, match=FAULTS[fault]):
        check_sampler(Broken(fault), labels)


def test_subset_leaves_the_rest_alone() -> None:
    labels = Labels.of([0] * 5 + [1] * 5 + [2] * 5)
    index = Subset(classes=(2, 0))(labels, torch.Generator().manual_seed(0))
    assert sorted(index.tolist()) == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert torch.equal(Shuffled().stream_prior(labels), labels.prior)
