from __future__ import annotations

import pytest
import torch
from sklearn.model_selection import StratifiedKFold

from longtail.comparison.folds import fold_notes, folds, inner_split
from longtail.labels import Labels


def random_labels(n: int, groups: int, classes: int = 4, seed: int = 0) -> tuple[Labels, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    y = (torch.rand(n, generator=g) ** 3 * classes).long()
    return Labels.of(y, num_classes=classes), torch.randint(0, groups, (n,), generator=g)


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("k, seed", [(2, 0), (5, 0), (5, 7)])
def test_without_duplicates_these_are_scikit_learns_folds(k, seed) -> None:
    labels, _ = random_labels(203, 1)
    y = torch.cat([labels.y, torch.tensor([4, 4])])
    labels = Labels.of(y)
    want = list(StratifiedKFold(k, shuffle=True, random_state=seed).split(y.numpy(), y.numpy()))
    # The groups' numbers do not matter: any distinct ones.
    got = folds(labels, torch.randperm(205) * 3, k, seed)
    for (train, test), (train_, test_) in zip(got, want):
        assert train.tolist() == train_.tolist()
        assert test.tolist() == test_.tolist()


@pytest.mark.parametrize("groups", [8, 40, 150, 2000])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_laws_with_duplicates(groups, k) -> None:
    labels, group = random_labels(300, groups)
    pairs = folds(labels, group, k, seed=1)
    assert len(pairs) == k
    assert torch.cat([test for _, test in pairs]).sort().values.tolist() == list(range(300))
    for train, test in pairs:
        assert len(test) > 0
        assert len(train) + len(test) == 300
        assert not set(group[train].tolist()) & set(group[test].tolist())
    if groups >= 150:
        shares = torch.stack([labels.take(test).counts for _, test in pairs]).double()
        assert bool(((shares - labels.counts / k).abs() <= 2).all()), shares


def test_the_seed_decides() -> None:
    labels, group = random_labels(300, 200)
    first, same, other = (folds(labels, group, 3, seed)[0][1].tolist() for seed in (0, 0, 1))
    assert first == same != other


def test_a_large_group_is_made_up_for() -> None:
    labels = Labels.of([0] * 90 + [1] * 10)
    group = torch.cat([torch.zeros(40, dtype=torch.int64), torch.arange(1, 61)])
    sizes = sorted(len(test) for _, test in folds(labels, group, 3, 0))
    assert sizes == [28, 29, 43]


def test_rare_classes() -> None:
    labels = Labels.of([0] * 10 + [1] * 3 + [2])
    pairs = folds(labels, torch.arange(14), 5, 0)
    assert sum(2 in labels.y[test] for _, test in pairs) == 1
    assert fold_notes(labels, torch.arange(14), 5) == (
        "class 2 has a single example: the fold that tests it has not learnt it",
        "1 of 3 classes have fewer than 5 examples: some test folds miss them",
    )
    many = Labels.of([0] * 10 + list(range(1, 61)))
    assert fold_notes(many, torch.arange(70), 5) == (  # a line, not sixty
        "60 of 61 classes have a single example: the fold that tests it has not learnt it (1, 2, 3, 4, 5 and 55 more)",
    )
    assert fold_notes(Labels.of([0] * 5 + [1] * 5), torch.arange(10) // 2 * 2, 2)[-1].startswith(
        "5 rows repeat"
    )


def test_every_class_smaller_than_k() -> None:
    pairs = folds(Labels.of([0, 0, 1, 1, 2, 2]), torch.arange(6), 5, 0)
    assert sorted(len(test) for _, test in pairs) == [1, 1, 1, 1, 2]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: folds(Labels.of([0, 1]), torch.arange(2), 1, 0), "folds=1 must be at least 2"),
        (
            lambda: folds(Labels.of([0, 1, 0]), torch.tensor([0, 1, 1]), 3, 0),
            "folds=3: .* there are 2 different rows: lower folds",
        ),
        (lambda: folds(Labels.of([0, 1]), torch.arange(3), 2, 0), "duplicate_of has shape"),
        (lambda: inner_split(Labels.of([0, 1]), torch.arange(2), 1.0, 0), "share=1.0"),
        (lambda: inner_split(Labels.of([0, 1]), torch.arange(2), 0.2, 0), "holds none of any class"),
    ],
)
def test_refusals(call, message) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("groups", [60, 10**6])
@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_inner_split(groups, share) -> None:
    labels, group = random_labels(500, groups)
    fit, held = inner_split(labels, group, share, 3)
    assert torch.cat([fit, held]).sort().values.tolist() == list(range(500))
    assert not set(group[fit].tolist()) & set(group[held].tolist())
    assert inner_split(labels, group, share, 3)[1].tolist() == held.tolist()
    assert inner_split(labels, group, share, 4)[1].tolist() != held.tolist()
    if groups > 500:
        want = (labels.counts * share + 0.5).floor()
        assert labels.take(held).counts.tolist() == want.tolist()


def test_the_only_example_of_a_class_stays_in_the_fit_part() -> None:
    labels = Labels.of([0] * 8 + [1] + [2] * 2)
    for seed in range(5):
        fit, held = inner_split(labels, torch.arange(11), 0.9, seed)
        assert set(labels.y[fit].tolist()) == {0, 1, 2}
        assert labels.take(held).counts.tolist() == [7, 0, 1]


def test_a_comparison_deals_once_for_all_its_folds(monkeypatch):
    from longtail.comparison import folds as module
    from longtail.comparison.plan import Plan
    from longtail.data import Dataset
    from longtail.recipes import erm

    calls = []
    real = module._deal
    monkeypatch.setattr(module, "_deal", lambda *of: calls.append(of[3]) or real(*of))
    x = torch.arange(60).remainder(30).float()[:, None].expand(60, 3).contiguous()
    data = Dataset.of("toy", "embedding", x, Labels.of(torch.arange(60).remainder(30) % 3))
    plan = Plan(dataset=data, recipes=(("erm", erm),), folds=3, seeds=2)
    cells = {cell: plan.prepare(*cell) for cell in plan.cells}
    assert len(cells) == 6
    assert len(calls) == 2  # one for each seed
    for seed in (0, 1):
        tested = torch.cat([cells[fold, seed].test_rows for fold in range(3)])
        assert tested.sort()[0].tolist() == list(range(60))
