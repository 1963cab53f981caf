"""What each sampler does beyond the laws: exact counts, conventions, scale, bad input."""

from __future__ import annotations

import pytest
import torch

from longtail.labels import Labels
from longtail.samplers import (
    ClassAware,
    ClassBalanced,
    Complement,
    EffectiveNumberSampler,
    EpochSampler,
    MPerClass,
    OverSample,
    Progressive,
    RepeatFactor,
    Subset,
    UnderSample,
    repeat_factors,
)
from longtail.samplers.drawn import CHUNK, alias_table
from longtail.testing.sampler import a_long_tail, excess

LABELS = a_long_tail()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(sampler: object, labels: Labels = LABELS, seed: int = 0) -> torch.Tensor:
    index = sampler(labels, seeded(seed))  # type: ignore[operator]
    return torch.bincount(labels.y[index], minlength=labels.num_classes)


def test_alias_tables_reproduce_the_distribution() -> None:
    for seed in range(20):
        q = torch.rand(37, dtype=torch.float64, generator=seeded(seed)) ** 8
        q[torch.rand(37, generator=seeded(seed + 100)) < 0.3] = 0
        q = q / q.sum()
        keep, alias = alias_table(q)
        made = keep.clone().index_add_(0, alias, 1 - keep) / len(q)
        torch.testing.assert_close(made, q, rtol=1e-12, atol=1e-15)
        assert bool((made[q == 0] == 0).all())


def test_over_and_under_sampling_count_exactly() -> None:
    n = LABELS.counts
    assert drawn(OverSample()).tolist() == [80, 80, 0, 80, 80, 80, 80]
    assert drawn(OverSample(to=20)).tolist() == [80, 35, 0, 20, 20, 20, 20]
    assert drawn(OverSample(ratio=0.5)).tolist() == [80, 40, 0, 40, 40, 40, 40]
    assert drawn(UnderSample()).tolist() == [1, 1, 0, 1, 1, 1, 1]
    assert drawn(UnderSample(to=10)).tolist() == [10, 10, 0, 10, 7, 3, 1]
    assert drawn(UnderSample(ratio=0.1)).tolist() == [10, 10, 0, 10, 7, 3, 1]
    index = OverSample()(LABELS, seeded())
    assert set(index.tolist()) == set(range(int(n.sum())))  # every original stays
    index = UnderSample(to=10)(LABELS, seeded())
    assert len(set(index.tolist())) == len(index)  # without replacement


def test_class_aware_cycles_without_replacement() -> None:
    labels = Labels.of([0] * 12 + [1] * 4 + [2] * 3)
    for k in (1, 2, 4):
        index = ClassAware(k=k, length=36)(labels, seeded())
        y = labels.y[index]
        assert torch.bincount(y).tolist() == [12, 12, 12]
        for c, n in ((0, 12), (1, 4), (2, 3)):
            own = index[y == c]
            for start in range(0, len(own), n):
                assert len(set(own[start : start + n].tolist())) == n  # a cycle holds each example once
        visits = y.view(-1, k)
        assert bool((visits == visits[:, :1]).all())
        assert bool((visits[:, 0].view(-1, 3).sort(1).values == torch.arange(3)).all())


def test_m_per_class_makes_batches() -> None:
    labels = Labels.of([0] * 30 + [1] * 11 + [2] * 4 + [3] * 3 + [4])
    for m, classes in ((4, 3), (2, 5), (5, 2)):
        index = MPerClass(m=m, batch_size=m * classes)(labels, seeded())
        assert len(index) == 49 // (m * classes) * (m * classes)
        for batch in index.view(-1, m * classes):
            counts = torch.bincount(labels.y[batch], minlength=5)
            assert sorted(counts.tolist()) == [0] * (5 - classes) + [m] * classes
            for c in counts.nonzero().flatten():
                times = torch.bincount(batch[labels.y[batch] == c])
                times, n = times[times > 0], int(labels.counts[c])
                assert len(times) == min(n, m)
                assert int(times.max() - times.min()) <= 1
    with pytest.raises(ValueError, match="needs 6 classes and 5"):
        MPerClass(m=1, batch_size=6)(labels, seeded())


def test_nothing_to_complement_is_an_error() -> None:
    with pytest.raises(ValueError, match="threshold=1: no class has fewer examples"):
        EpochSampler(Labels.of([0, 0, 1]), Complement(threshold=1))


def test_repeat_factors_of_images_with_several_classes() -> None:
    categories = [[0]] * 90 + [[0, 1]] * 9 + [[2]]
    r = repeat_factors(categories, threshold=0.5)
    assert r[0] == 1
    assert r[95] == pytest.approx((0.5 / 0.09) ** 0.5)
    assert r[99] == pytest.approx((0.5 / 0.01) ** 0.5)
    sampler = RepeatFactor(threshold=0.5, categories=categories)
    labels = Labels.of([0] * 99 + [2])
    seen = torch.zeros(100)
    for seed in range(200):
        seen += torch.bincount(sampler(labels, seeded(seed)), minlength=100)
    torch.testing.assert_close(seen / 200, r.float(), atol=0.15, rtol=0)
    with pytest.raises(ValueError, match="categories has 100 entries"):
        sampler(LABELS, seeded())


def test_images_with_several_classes_through_an_epoch() -> None:
    """Multi-label data has no single labels: any will do, and the classes' shares come out as declared."""
    held = torch.rand(300, 6, generator=seeded()) < 0.5 ** torch.arange(1, 7)
    lists = [row.nonzero().flatten().tolist() for row in held]
    assert [] in lists
    assert torch.equal(repeat_factors(held, 0.3), repeat_factors(lists, 0.3))
    labels = Labels.of(torch.zeros(300, dtype=torch.int64))
    sampler, seen = RepeatFactor(threshold=0.3, categories=held), torch.zeros(300)
    ranks = [EpochSampler(labels, sampler, seed=1, num_replicas=2, rank=r) for r in range(2)]
    for epoch in range(200):
        for one in ranks:
            one.set_epoch(epoch)
        whole = EpochSampler(labels, sampler, seed=1)
        whole.set_epoch(epoch)
        index = [i for turn in zip(*ranks) for i in turn]
        assert index[: len(whole)] == list(whole)
        seen += torch.bincount(torch.tensor(index), minlength=300)
    got = (seen @ held.float()) / seen.sum()
    torch.testing.assert_close(got.double(), sampler.category_shares(labels), atol=0.01, rtol=0)
    before = held.double().mean(0)
    assert float(sampler.category_shares(labels)[5]) > 2 * float(before[5])  # the rarest class is seen more
    single = RepeatFactor(threshold=0.3)
    assert torch.equal(single.category_shares(LABELS), single.stream_prior(LABELS))


def test_progressive_conventions() -> None:
    labels = Labels.of([0, 0, 0, 1])

    def lam(sampler: Progressive, t: float) -> float:
        return round((0.75 - float(sampler.stream_prior(labels, t)[0])) / 0.25, 6)

    assert [lam(Progressive(), e / 4) for e in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert [lam(Progressive("decoupling", 5), e / 5) for e in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    assert [lam(Progressive("bag_of_tricks", 5), e / 5) for e in range(5)] == [0.2, 0.4, 0.6, 0.8, 1]
    assert lam(Progressive("decoupling", 1), 0.0) == 0


def test_subset_by_group() -> None:
    labels = Labels.of([0] * 150 + [1] * 50 + [2] * 5)
    for group, c in (("many", 0), ("medium", 1), ("few", 2)):
        assert set(labels.y[Subset(group=group)(labels, seeded())].tolist()) == {c}
    both = Subset(classes=(0, 2), of=ClassBalanced())
    assert both.stream_prior(labels).tolist() == [0.5, 0, 0.5]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: ClassBalanced(power=4), "power=4"),
        (lambda: ClassBalanced(power=float("nan")), "power=nan"),
        (lambda: ClassBalanced(length=0), "length=0"),
        (lambda: Progressive("linear"), "convention='linear'"),
        (lambda: Progressive("decoupling"), "epochs=None"),
        (lambda: EffectiveNumberSampler(beta=1.0), r"beta=1\.0"),
        (lambda: OverSample(to=3, ratio=0.5), "to=3"),
        (lambda: OverSample(ratio=1.5), r"ratio=1\.5"),
        (lambda: UnderSample(to=-1), "-1 must be at least 1"),
        (lambda: RepeatFactor(threshold=0), "threshold=0"),
        (lambda: RepeatFactor(categories=[]), "categories is empty"),
        (lambda: RepeatFactor(categories=[[0], [-1]]), "holds class -1"),
        (lambda: RepeatFactor(categories=torch.tensor([[0, 2]])), "must be 0/1"),
        (lambda: RepeatFactor(categories=torch.tensor([0, 1])), "must be 0/1"),
        (lambda: ClassAware(k=0), "k=0"),
        (lambda: MPerClass(m=3, batch_size=8), "batch_size=8"),
        (lambda: Subset(), "classes=None"),
        (lambda: Subset(group="rare"), "group='rare'"),
        (lambda: Subset(classes=(9,))(LABELS, seeded()), "classes="),
        (lambda: Subset(classes=(2,))(LABELS, seeded()), "none of these classes"),
    ],
)
def test_bad_input_names_the_argument(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


def test_more_than_2_to_the_24_examples() -> None:
    """``torch.multinomial`` stops at 2**24 outcomes; here the draw is by class, and as exact as for few."""
    n = 2**24 + 1_000_003
    y = torch.zeros(n, dtype=torch.int64)
    y[torch.randint(n, (40_000,), generator=seeded())] = 1
    y[-3:] = 2
    labels = Labels.of(y)
    chunks = ClassBalanced(power=0.5).chunks(labels, seeded())
    first = next(chunks)
    assert len(first) == CHUNK
    seen = torch.cat([first, next(chunks)])
    assert int(seen.max()) > 2**24
    q = ClassBalanced(power=0.5).stream_prior(labels)
    assert excess(torch.bincount(y[seen], minlength=3), q * len(seen)) < 5
    # Positions within the largest class, in 64 cells: an index rounded to float32 would leave gaps.
    position = torch.searchsorted((y == 0).nonzero().flatten(), seen[y[seen] == 0])
    cells = torch.bincount(position * 64 // int(labels.counts[0]), minlength=64)
    assert excess(cells, torch.full((64,), len(position) / 64)) < 5
    assert bool((seen[y[seen] == 0] % 2 == 1).any())


def test_a_class_with_most_of_the_mass_and_an_empty_one_are_exact() -> None:
    labels = Labels.of([0] * 100_000 + [1], num_classes=4)
    q = ClassBalanced(power=1.0).stream_prior(labels)
    assert q.tolist() == pytest.approx([100_000 / 100_001, 1 / 100_001, 0, 0], abs=1e-15)
    seen = drawn(ClassBalanced(power=1.0, length=1_000_000), labels)
    assert seen[2:].tolist() == [0, 0]
    assert 0 < int(seen[1]) < 40  # 10 expected
