"""The law of splits, on random tables: no group on two sides, no row before the rows that train for it, and folds as they
were where nothing is declared. Then broken splits, which the law must reject.
"""

import contextlib
import random
from dataclasses import dataclass, replace

import pytest
import torch

from longtail.comparison.folds import folds, inner_split
from longtail.comparison.split import Folds, Holdout, InTime, Own, together_of
from longtail.data import Dataset
from longtail.data.beside import Beside
from longtail.labels import Labels

MANY = 200


def table(rng, group=False, time=False, part=False):
    """A random table: rows, classes, copies, groups and times."""
    n, classes = rng.randint(12, 80), rng.randint(2, 4)
    r = torch.Generator().manual_seed(rng.randrange(10**6))
    y = torch.randint(classes, (n,), generator=r)
    y[:classes] = torch.arange(classes)
    x = torch.randint(rng.choice([5, 10**6]), (n, 1), generator=r).float()  # copies, or none
    beside = Beside(
        group=torch.randint(rng.randint(1, n), (n,), generator=r) if group else None,
        time=torch.randint(rng.randint(6, 40), (n,), generator=r).double() if time else None,
        part=torch.tensor([0, 0, 1, 2])[torch.randint(4, (n,), generator=r)] if part else None,
    )
    return replace(Dataset.of("toy", "embedding", x, Labels.of(y, num_classes=classes)), beside=beside)


def hold(make, **columns):
    """The law on random tables that can be split so, of which there must be many."""
    tried = 0
    for seed in range(MANY):
        rng = random.Random(seed)
        data = table(rng, **columns)
        split = make(rng, data)
        try:
            split.check(data, together_of(data, copies=True))
        except ValueError:
            continue
        obeys(split, data, seed % 7)
        tried += 1
    assert tried > MANY / 4


def obeys(split, data, deal=0):
    """The law: what every split owes."""
    same = together_of(data, copies=True)
    seen = torch.zeros(len(data), dtype=torch.int64)
    for fold in range(split.folds):
        train, test = split.rows(data, same, fold, deal)
        assert len(train)
        assert len(test)
        assert not set(train.tolist()) & set(test.tolist())
        seen[test] += 1
        sides = [(train, test)]
        with contextlib.suppress(ValueError):  # too few rows or groups to hold any out
            sides.append(split.inner(data, same, train, 0.25, deal))
        for fit, held in sides:
            assert set(fit.tolist()) | set(held.tolist()) <= set(range(len(data)))
            assert not set(fit.tolist()) & set(held.tolist())
            if data.beside.group is not None and split.name != "own":
                assert not set(data.beside.group[fit].tolist()) & set(data.beside.group[held].tolist())
            if split.name in ("folds", "hold-out"):
                assert not set(same[fit].tolist()) & set(same[held].tolist())
            if split.name == "time":
                assert data.beside.time[fit].max() < data.beside.time[held].min()
                assert data.beside.time[fit].max() <= data.beside.time[held].min() - split.gap
    assert int(seen.max()) <= 1
    if split.name == "folds":
        assert bool((seen == 1).all())


def test_no_group_stands_on_two_sides():
    hold(lambda rng, data: Folds(rng.randint(2, 5)), group=True)


def test_nor_in_one_hold_out():
    hold(lambda rng, data: Holdout(rng.uniform(0.1, 0.5)), group=True)


def test_every_test_part_lies_after_its_training_rows():
    hold(lambda rng, data: InTime(rng.randint(2, 4), rng.choice([0.0, 1.0, 3.0])), time=True)


def test_time_and_groups_together():
    hold(lambda rng, data: InTime(rng.randint(2, 3)), time=True, group=True)


def test_own_parts_are_as_they_were_given():
    for seed in range(MANY):
        data = table(random.Random(seed), part=True)
        if set(data.beside.part.tolist()) != {0, 1, 2}:
            continue
        split = Own.of(data)
        train, test = split.rows(data, data.duplicate_of, 0, 0)
        fit, held = split.inner(data, data.duplicate_of, train, 0.2, 0)
        assert [data.beside.part[rows].unique().tolist() for rows in (fit, held, test)] == [[0], [1], [2]]
        assert len(fit) + len(held) + len(test) == len(data)


def test_a_group_per_row_equals_plain_folds():
    for seed in range(MANY):
        rng = random.Random(seed)
        data, k = table(rng), rng.randint(2, 5)
        alone = replace(data, beside=Beside(group=torch.randperm(len(data))))
        if len(data.duplicate_of.unique()) < 12:  # of fewer none are held out
            continue
        for fold in range(k):
            a = Folds(k).rows(data, together_of(data, True), fold, seed)
            b = Folds(k).rows(alone, together_of(alone, True), fold, seed)
            c = folds(data.labels, data.duplicate_of, k, seed)[fold]
            assert [side.tolist() for side in a] == [side.tolist() for side in b]
            assert [side.tolist() for side in a] == [side.tolist() for side in c]
        every = torch.arange(len(data))
        of_labels = inner_split(data.labels, data.duplicate_of, 0.2, seed)
        for one in (data, alone):
            inner = Folds(k).inner(one, together_of(one, True), every, 0.2, seed)
            assert [side.tolist() for side in inner] == [side.tolist() for side in of_labels]


def test_groups_are_stratified_as_well_as_they_allow():
    """Fifty groups of ten rows, a tenth of them of the rare class in half of the groups."""
    r = torch.Generator().manual_seed(0)
    group = torch.arange(500) // 10
    y = ((torch.rand(500, generator=r) < 0.2) & (group % 2 == 0)).long()
    data = Dataset.of("toy", "embedding", torch.randn(500, 2, generator=r), Labels.of(y))
    data = replace(data, beside=Beside(group=group))
    rare = int(y.sum())
    for fold in range(5):
        _, test = Folds(5).rows(data, together_of(data, True), fold, 0)
        assert abs(int(y[test].sum()) - rare / 5) <= 2
        assert abs(len(test) - 100) <= 10
    fit, held = Folds(5).inner(data, together_of(data, True), torch.arange(500), 0.2, 0)
    assert abs(int(y[held].sum()) - rare / 5) <= 2
    assert len(fit) + len(held) == 500


def test_copies_tie_groups_together():
    data = Dataset.of("toy", "embedding", torch.tensor([[0.0], [1.0], [1.0], [2.0]]), Labels.of([0, 1, 0, 1]))
    data = replace(data, beside=Beside(group=torch.tensor([5, 5, 7, 9])))
    same = together_of(data, copies=True).tolist()
    assert same[0] == same[1] == same[2] != same[3]
    assert together_of(data, copies=False).tolist()[1] != together_of(data, copies=False).tolist()[2]


def one_group():
    data = Dataset.of("toy", "embedding", torch.randn(20, 1), Labels.of([0, 1] * 10))
    return replace(data, beside=Beside(group=torch.zeros(20, dtype=torch.int64)))


def test_all_rows_of_one_group_is_a_clear_error():
    data = one_group()
    with pytest.raises(ValueError, match="folds=5: each fold tests groups of its own, and there is 1"):
        Folds(5).check(data, together_of(data, True))
    with pytest.raises(ValueError, match="all rows are of one group"):
        Holdout(0.2).check(data, together_of(data, True))


def test_all_rows_at_one_time_is_a_clear_error():
    data = replace(one_group(), beside=Beside(time=torch.zeros(20, dtype=torch.float64)))
    with pytest.raises(ValueError, match="these rows have 1 different times"):
        InTime(3).check(data, data.duplicate_of)


@dataclass(frozen=True)
class Leaks(Folds):
    """A broken specimen: it forgets the groups."""

    def rows(self, data, together, fold, deal):
        return super().rows(data, torch.arange(len(data)), fold, deal)


@dataclass(frozen=True)
class Foresees(InTime):
    """A broken specimen: later rows train too."""

    def rows(self, data, together, fold, deal):
        _, test = super().rows(data, together, fold, deal)
        rest = torch.ones(len(data), dtype=torch.bool)
        rest[test] = False
        return rest.nonzero().flatten(), test


@dataclass(frozen=True)
class HoldsOutAnyRow(Folds):
    """A broken specimen: what is tuned is tuned on rows of groups that train."""

    def inner(self, data, together, rows, share, deal):
        held = torch.arange(len(rows)) % 4 == 0
        return rows[~held], rows[held]


@pytest.mark.parametrize("broken", [Leaks(4), HoldsOutAnyRow(4), Foresees(3)], ids=lambda s: type(s).__name__)
def test_the_law_rejects(broken):
    r = torch.Generator().manual_seed(3)
    data = Dataset.of("toy", "embedding", torch.randn(60, 1, generator=r), Labels.of([0, 1, 1] * 20))
    beside = Beside(
        group=None if broken.name == "time" else torch.arange(60) // 6, time=torch.arange(60).double()
    )
    with pytest.raises(AssertionError):
        obeys(broken, replace(data, beside=beside))
    obeys(type(broken).__mro__[1](broken.folds), replace(data, beside=beside))
