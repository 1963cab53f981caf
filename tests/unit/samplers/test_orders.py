"""Random orders made in pieces are as random as those of ``torch.randperm``: orders, positions, neighbours, epochs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations

import pytest
import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers import ClassAware, OverSample, Shuffled, cycles, drawn
from longtail.samplers import scatter as module
from longtail.samplers.cycles import deal
from longtail.samplers.m_per_class import choose
from longtail.samplers.scatter import pieces, scatter, shuffle
from longtail.samplers.some_of_each import some_of_each
from longtail.testing.sampler import excess


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def in_pieces(n: int, generator: torch.Generator) -> Tensor:
    return torch.cat([shuffle(piece, generator) for piece in scatter(n, pieces(n), generator)])


def alike(seen: dict[tuple[int, ...], int], cells: int) -> bool:
    """Every one of ``cells`` outcomes came, and as often as the others."""
    counts = torch.tensor(list(seen.values()))
    return len(seen) == cells and excess(counts, torch.full((cells,), counts.sum() / cells)) < 4


def tally(draw: Callable[[torch.Generator], list[int]], times: int) -> dict[tuple[int, ...], int]:
    generator, seen = seeded(), {}
    for _ in range(times):
        outcome = tuple(draw(generator))
        seen[outcome] = seen.get(outcome, 0) + 1
    return seen


def test_every_order_is_as_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "CHUNK", 1)
    assert pieces(4) == 4
    assert alike(tally(lambda g: in_pieces(4, g).tolist(), 6000), 24)
    # What the test is for: pieces that are not shuffled inside, which a test of positions alone lets through.
    assert not alike(tally(lambda g: torch.cat(list(scatter(4, 4, g))).tolist(), 6000), 24)


def test_quarters_of_the_pieces_at_a_time_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = list(scatter(1000, 16, seeded()))
    monkeypatch.setattr(module, "WHOLE", 999)
    for whole, part in zip(at_once, scatter(1000, 16, seeded()), strict=True):
        assert torch.equal(whole, part)
    # Two pieces have no quarters.
    assert torch.cat(list(scatter(1000, 2, seeded()))).sort().values.tolist() == list(range(1000))


def squares(order: Tensor, before: Tensor) -> dict[str, tuple[Tensor, int]]:
    """Cells that are all alike under a uniform order, and their number along a side or in all."""
    n, side = len(order), 32
    block = order * side // n
    return {
        "positions": (torch.arange(n) * side // n * side + block, side**2),
        "neighbours": (block[:-1] * side + block[1:], side**2),
        "distance of neighbours": ((order[1:] - order[:-1]) % n * 1024 // n, 1024),
        "ascents": ((order[1:] > order[:-1]).long(), 2),
        "the epoch before": (before * side // n * side + block, side**2),
    }


@pytest.mark.parametrize("make", [in_pieces, lambda n, g: torch.randperm(n, generator=g)])
def test_large_orders_are_like_those_of_randperm(make: Callable[[int, torch.Generator], Tensor]) -> None:
    generator, n = seeded(1), 1_500_000
    before, order = make(n, generator), make(n, generator)
    assert torch.equal(order.sort().values, torch.arange(n))
    for name, (cell, cells) in squares(order, before).items():
        far = excess(torch.bincount(cell, minlength=cells), torch.full((cells,), len(cell) / cells))
        assert abs(far) < 4, f"{name}: {far:.1f}"


def test_a_shuffle_within_a_window_would_be_noticed() -> None:
    generator, n = seeded(1), 1_500_000
    order = torch.cat([shuffle(x, generator) for x in torch.arange(n).split(1 << 18)])
    cell, cells = squares(order, order.flip(0))["positions"]
    assert excess(torch.bincount(cell, minlength=cells), torch.full((cells,), len(cell) / cells)) > 100


@pytest.mark.parametrize("alone", [2, 1 << 12])
def test_every_deal_of_a_class_is_as_likely(monkeypatch: pytest.MonkeyPatch, alone: int) -> None:
    """Shuffled on its own or by sorting with others."""
    monkeypatch.setattr(cycles, "ALONE", alone)
    labels = Labels.of([0, 1, 1, 1, 2, 2])
    rounds = torch.tensor([1, 2, 1])

    def second_round(generator: torch.Generator) -> list[int]:
        dealt, start = deal(labels, rounds, generator)
        assert dealt.tolist().count(0) == 1
        return dealt[start[1] + 3 : start[1] + 6].tolist()

    assert alike(tally(second_round, 3000), 6)


def test_a_class_of_ten_thousand_is_dealt_whole_and_evenly() -> None:
    labels = Labels.of(torch.tensor([0, 1]).repeat_interleave(torch.tensor([10_000, 3_000])))
    dealt, start = deal(labels, torch.tensor([3, 7]), seeded())
    for c, n, rounds in ((0, 10_000, 3), (1, 3_000, 7)):
        own = dealt[start[c] : start[c] + n * rounds].view(rounds, n)
        assert torch.equal(own.sort(1).values, torch.arange(n).add(10_000 * c).expand(rounds, n))
        place = (own - 10_000 * c) * 16 // n
        cell = (torch.arange(n) * 16 // n * 16 + place).flatten()
        assert abs(excess(torch.bincount(cell, minlength=256), torch.full((256,), n * rounds / 256))) < 4


def test_every_set_of_a_class_is_as_likely() -> None:
    labels = Labels.of([0] * 5 + [1] * 6 + [2] * 2 + [3])
    m = torch.tensor([2, 4, 2, 0])
    seen = tally(lambda g: some_of_each(labels, m, g).sort().values.tolist(), 9000)
    assert {k[6:] for k in seen} == {(11, 12)}
    assert alike(seen, len(list(combinations(range(5), 2))) * len(list(combinations(range(6), 4))))


def test_every_choice_of_classes_is_as_likely() -> None:
    rows = choose(6000, 3, 5, seeded())
    seen: dict[tuple[int, ...], int] = {}
    for row in rows.tolist():
        seen[tuple(row)] = seen.get(tuple(row), 0) + 1
    assert set(seen) == set(permutations(range(5), 3))
    assert alike(seen, 60)


def test_a_choice_of_all_classes_is_a_random_order() -> None:
    rows = choose(2000, 60, 60, seeded())  # long rows are sorted
    assert torch.equal(rows.sort(1).values, torch.arange(60).expand(2000, 60))
    assert abs(excess(torch.bincount(rows[:, 0], minlength=60), torch.full((60,), 2000 / 60))) < 4


def test_repeats_of_over_sampling_fall_in_every_piece_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "CHUNK", 200)
    labels = Labels.of([0] * 1000 + [1] * 100)
    generator, seen = seeded(), torch.zeros(16, dtype=torch.int64)
    for _ in range(60):
        order = OverSample()(labels, generator)
        assert int((labels.y[order] == 1).sum()) == 1000
        seen += torch.bincount((labels.y[order] == 1).nonzero().flatten() * 16 // len(order), minlength=16)
    assert abs(excess(seen, torch.full((16,), 60_000 / 16))) < 5


def test_a_million_in_pieces_are_whole() -> None:
    y = torch.randint(50, (1_000_000,), generator=seeded())
    labels = Labels.of(y, num_classes=50)
    pieces_of = list(Shuffled().chunks(labels, seeded()))
    assert len(pieces_of) == 4
    assert torch.equal(torch.cat(pieces_of).sort().values, torch.arange(len(y)))
    index = torch.cat(list(ClassAware(k=4).chunks(labels, seeded())))
    assert int(torch.bincount(y[index]).max() - torch.bincount(y[index]).min()) <= 4
    own = index[y[index] == 0][: int(labels.counts[0])]
    assert len(own.unique()) == len(own)
