"""EpochSampler: sharding, resuming, bad input, and life inside a DataLoader."""

from __future__ import annotations

import os
import random
import warnings
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from longtail.labels import Labels
from longtail.samplers import ClassBalanced, EpochSampler, MPerClass, Progressive, RepeatFactor, Shuffled
from longtail.samplers.drawn import CHUNK
from longtail.testing.ranks import on_ranks

LABELS = Labels.of([0] * 40 + [1] * 9 + [2] * 3 + [3])


def test_an_epoch_follows_from_seed_and_number_alone() -> None:
    a, b = EpochSampler(LABELS, ClassBalanced(), seed=1), EpochSampler(LABELS, ClassBalanced(), seed=1)
    random.seed(0), torch.manual_seed(0)
    first = list(a)
    torch.manual_seed(99)
    assert list(b) == first == list(a)
    a.set_epoch(1)
    assert list(a) != first
    assert list(EpochSampler(LABELS, ClassBalanced(), seed=2)) != first
    a.set_epoch(0)
    assert list(a) == first


def test_progress_reaches_the_sampler() -> None:
    sampler = EpochSampler(LABELS, Progressive("decoupling", epochs=5), epochs=5)
    assert torch.equal(sampler.stream_prior(), LABELS.prior)
    sampler.set_epoch(4)
    assert sampler.stream_prior().tolist() == [0.25] * 4
    with pytest.raises(ValueError, match="epochs"):
        EpochSampler(LABELS, Progressive())


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("sampler", [Shuffled(), ClassBalanced(), RepeatFactor(threshold=0.3)])
@pytest.mark.parametrize("drop_last", [False, True])
def test_resumed_in_the_middle_equals_straight_through(ranks: int, sampler: object, drop_last: bool) -> None:
    for rank in range(ranks):
        where = {"num_replicas": ranks, "rank": rank, "seed": 5, "drop_last": drop_last}
        straight = EpochSampler(LABELS, sampler, **where)
        straight.set_epoch(2)
        whole = list(straight)
        for stop in (0, 1, 7, len(whole)):
            first = EpochSampler(LABELS, sampler, **where)
            first.set_epoch(2)
            run = iter(first)
            head = [next(run) for _ in range(stop)]
            second = EpochSampler(LABELS, sampler, **where)
            second.load_state_dict(first.state_dict())
            second.set_epoch(2)  # frameworks say so again
            assert head + list(second) == whole
            if stop:
                assert list(second) == whole  # the pass after the resumed one is whole
            second.set_epoch(3)
            first.set_epoch(3)
            assert list(second) == list(first) != whole


def test_resuming_twice_in_an_epoch() -> None:
    whole = list(EpochSampler(LABELS, seed=5))
    sampler, got = EpochSampler(LABELS, seed=5), []
    for stop in (5, 11, 20):
        run = iter(sampler)
        got += [next(run) for _ in range(stop)]
        state, sampler = sampler.state_dict(), EpochSampler(LABELS, seed=5)
        sampler.load_state_dict(state)
    assert got + list(sampler) == whole


def test_a_loader_that_asks_ahead_says_what_it_consumed() -> None:
    whole = list(EpochSampler(LABELS, seed=5))
    sampler = EpochSampler(LABELS, seed=5)
    run = iter(sampler)
    for _ in range(30):  # asked for by workers
        next(run)
    other = EpochSampler(LABELS, seed=5)
    other.load_state_dict(sampler.state_dict(consumed=2 * 8))
    assert list(other) == whole[16:]


def test_what_is_left_is_dealt_to_another_number_of_ranks() -> None:
    whole = list(EpochSampler(LABELS, seed=5))
    two = [EpochSampler(LABELS, seed=5, num_replicas=2, rank=r) for r in range(2)]
    for sampler in two:
        run = iter(sampler)
        for _ in range(10):
            next(run)
    assert two[0].state_dict() == two[1].state_dict()
    three = [EpochSampler(LABELS, seed=5, num_replicas=3, rank=r) for r in range(3)]
    for sampler in three:
        sampler.load_state_dict(two[0].state_dict())
    joined = [index for turn in zip(*three) for index in turn]
    assert joined[: len(whole) - 20] == whole[20:]
    assert len(joined) - (len(whole) - 20) < 3


def test_chunks_longer_than_one_are_sharded_without_a_seam() -> None:
    labels = Labels.of(torch.arange(10).repeat(CHUNK // 10 + 100))
    whole = torch.tensor(list(EpochSampler(labels, ClassBalanced(), seed=1)))
    assert len(whole) == len(labels) > CHUNK
    for r in range(3):
        got = torch.tensor(
            list(EpochSampler(labels, ClassBalanced(), seed=1, num_replicas=3, rank=r, drop_last=True))
        )
        assert torch.equal(got, whole[: len(whole) // 3 * 3][r::3])


def test_more_ranks_than_examples() -> None:
    labels = Labels.of([0, 1])
    joined = [list(EpochSampler(labels, num_replicas=5, rank=r)) for r in range(5)]
    assert [len(one) for one in joined] == [1] * 5  # padded by repetition
    assert {one[0] for one in joined} == {0, 1}
    with pytest.raises(ValueError, match="num_replicas=5"):
        EpochSampler(labels, num_replicas=5, rank=0, drop_last=True)


@pytest.mark.parametrize(("ranks", "rank"), [(2, 2), (0, 0), (2, -1)])
def test_a_rank_outside_is_refused(ranks: int, rank: int) -> None:
    with pytest.raises(ValueError, match="rank="):
        EpochSampler(LABELS, num_replicas=ranks, rank=rank)


def test_states_of_something_else_are_refused() -> None:
    state = EpochSampler(LABELS, seed=1).state_dict()
    with pytest.raises(ValueError, match="other labels"):
        EpochSampler(Labels.of([0, 1, 1]), seed=1).load_state_dict(state)
    with pytest.raises(ValueError, match="seed=1"):
        EpochSampler(LABELS, seed=2).load_state_dict(state)
    with pytest.raises(ValueError, match="total="):
        EpochSampler(LABELS, ClassBalanced(length=7), seed=1).load_state_dict(state)


def test_a_data_set_that_grew_is_noticed() -> None:
    data = list(range(len(LABELS)))
    sampler = EpochSampler(LABELS, dataset=data)
    assert len(list(sampler)) == len(data)
    data.append(0)
    with pytest.raises(ValueError, match="dataset has 54"):
        list(sampler)


def pk(labels: torch.Tensor, batch: list[int]) -> list[int]:
    return sorted(n for n in labels[batch].bincount().tolist() if n)


@pytest.mark.parametrize("ranks", [2, 3])
def test_m_per_class_gives_every_rank_whole_batches(ranks: int) -> None:
    """Every W-th index would give each rank m / W of a class, and no positive pair where W is m."""
    y = torch.arange(600) % 30
    where = {"num_replicas": ranks}
    for rank in range(ranks):
        got = list(EpochSampler(Labels.of(y), MPerClass(m=4, batch_size=8), rank=rank, **where))
        assert len(got) % 8 == 0
        assert all(pk(y, got[i : i + 8]) == [4, 4] for i in range(0, len(got), 8))


def test_m_per_class_goes_on_with_other_ranks_at_the_end_of_a_batch() -> None:
    labels = Labels.of(torch.arange(600) % 30)

    def sampler(ranks: int, rank: int) -> EpochSampler:
        return EpochSampler(labels, MPerClass(m=4, batch_size=8), num_replicas=ranks, rank=rank)

    whole = list(sampler(1, 0))
    first = sampler(2, 1)
    run = iter(first)
    for _ in range(24):
        next(run)
    rest = []
    for rank in range(3):
        one = sampler(3, rank)
        one.load_state_dict(first.state_dict())
        rest.append(list(one))
    dealt = [i for k in range(0, len(rest[0]), 8) for one in rest for i in one[k : k + 8]]
    assert dealt[: len(whole) - 48] == whole[48:]
    next(run)
    with pytest.raises(ValueError, match="num_replicas=3: the state was taken inside a batch"):
        sampler(3, 0).load_state_dict(first.state_dict())
    with pytest.raises(ValueError, match="whole batches"):
        EpochSampler(LABELS, MPerClass(m=2, batch_size=8), num_replicas=9, rank=0, drop_last=True)


def test_an_epoch_again_without_set_epoch_warns_once_and_is_the_same() -> None:
    sampler = EpochSampler(LABELS, ClassBalanced())
    first = list(sampler)
    with pytest.warns(UserWarning, match="without set_epoch"):
        assert list(sampler) == first
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(sampler) == first  # it was said
        other = EpochSampler(LABELS, ClassBalanced())
        for epoch in (0, 0, 1):  # asked for
            other.set_epoch(epoch)
            list(other)
        other.load_state_dict(other.state_dict())
        list(other)


@pytest.mark.parametrize("workers", [0, 2])
def test_in_a_data_loader(workers: int) -> None:
    data = TensorDataset(torch.arange(len(LABELS)), LABELS.y)
    sampler = EpochSampler(LABELS, ClassBalanced(), seed=3, drop_last=True)
    loader = DataLoader(data, batch_size=8, sampler=sampler, num_workers=workers, drop_last=True)
    assert len(loader) == len(LABELS) // 8
    seen = torch.cat([i for i, _ in loader]).tolist()
    assert seen == list(EpochSampler(LABELS, ClassBalanced(), seed=3))[: len(seen)]


def _rank(rank: int, folder: str) -> None:
    sampler = EpochSampler(LABELS, ClassBalanced(), seed=4)
    assert (sampler.num_replicas, sampler.rank) == (2, rank)
    run = iter(sampler)
    head = [next(run) for _ in range(6)]
    again = EpochSampler(LABELS, ClassBalanced(), seed=4)
    again.load_state_dict(sampler.state_dict())
    torch.save(head + list(again), f"{folder}/{rank}.pt")


def _accelerated(rank: int, folder: str) -> None:
    from accelerate import Accelerator

    os.environ.update(
        MASTER_ADDR="127.0.0.1", MASTER_PORT=Path(folder, "port").read_text(), RANK=str(rank), WORLD_SIZE="2",
        LOCAL_RANK=str(rank), ACCELERATE_USE_CPU="true",
    )  # fmt: skip
    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == 2
    # Accelerate deals the batches out itself, so the sampler must not: one replica.
    sampler = EpochSampler(LABELS, ClassBalanced(), seed=4, num_replicas=1)
    data = TensorDataset(torch.arange(len(LABELS)))
    loader = accelerator.prepare(DataLoader(data, batch_size=4, sampler=sampler))
    torch.save([index.tolist() for (index,) in loader], f"{folder}/{rank}.pt")


def test_two_processes_make_the_one_process_epoch(tmp_path: Path) -> None:
    on_ranks(_rank, 2, str(tmp_path))
    lists = [torch.load(tmp_path / f"{r}.pt") for r in range(2)]
    whole = list(EpochSampler(LABELS, ClassBalanced(), seed=4))
    joined = [index for turn in zip(*lists) for index in turn]
    assert joined[: len(whole)] == whole


def test_accelerate_keeps_the_sampler_on_two_processes(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        (tmp_path / "port").write_text(str(s.getsockname()[1]))
    on_ranks(_accelerated, 2, str(tmp_path), join=False)
    batches = [torch.load(tmp_path / f"{r}.pt") for r in range(2)]
    whole = list(EpochSampler(LABELS, ClassBalanced(), seed=4))
    joined = [index for turn in zip(*batches) for batch in turn for index in batch]
    assert joined[: len(whole)] == whole
