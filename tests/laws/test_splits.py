"""The law of splits, on random tables: no group on two sides, no row before the rows that train for it, and folds as they
were where nothing is declared. Then broken splits, which the law must reject.
"""

import contextlib
import random
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st

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


@st.composite
def tables(draw, group=False, time=False):
    """Any table of these columns; a law that breaks is shown on the smallest one that hypothesis finds."""
    n, classes = draw(st.integers(12, 40)), draw(st.integers(2, 4))

    def column(most):
        return torch.tensor(draw(st.lists(st.integers(0, most), min_size=n, max_size=n)))

    y = column(classes - 1)
    y[:classes] = torch.arange(classes)
    x = column(draw(st.sampled_from([4, 10**6]))).float()[:, None]  # copies, or few
    beside = Beside(
        group=column(draw(st.integers(0, n - 1))) if group else None,
        time=column(draw(st.integers(5, 39))).double() if time else None,
    )
    return replace(Dataset.of("toy", "embedding", x, Labels.of(y, num_classes=classes)), beside=beside)


law = settings(
    max_examples=MANY,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def hold(split, data, deal):
    """The law, where the table can be split so."""
    try:
        split.check(data, together_of(data, copies=True))
    except ValueError:
        reject()
    obeys(split, data, deal)


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


deals = st.integers(0, 6)


@law
@given(tables(group=True), st.integers(2, 5), deals)
def test_no_group_stands_on_two_sides(data, k, deal):
    hold(Folds(k), data, deal)


@law
@given(tables(group=True), st.floats(0.1, 0.5), deals)
def test_nor_in_one_hold_out(data, share, deal):
    hold(Holdout(share), data, deal)


@law
@given(tables(time=True), st.integers(2, 4), st.sampled_from([0.0, 1.0, 3.0]), deals)
def test_every_test_part_lies_after_its_training_rows(data, k, gap, deal):
    hold(InTime(k, gap), data, deal)


@law
@given(tables(time=True, group=True), st.integers(2, 3), deals)
def test_time_and_groups_together(data, k, deal):
    hold(InTime(k), data, deal)


@law
@given(tables(group=True), deals)
def test_the_law_finds_a_leak_among_any_tables(data, deal):
    """Groups that are forgotten are found as soon as two rows of one group can be parted."""
    try:
        Folds(3).check(data, together_of(data, copies=True))
        parted = any(
            set(data.beside.group[train].tolist()) & set(data.beside.group[test].tolist())
            for train, test in (Leaks(3).rows(data, None, fold, deal) for fold in range(3))
        )
    except ValueError:
        reject()
    assume(parted)
    with pytest.raises(AssertionError):
        obeys(Leaks(3), data, deal)


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
