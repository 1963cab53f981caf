"""EpochSampler: any sampler of this room as a ``torch.utils.data.Sampler``, for a ``DataLoader`` of your own.

The epoch's indices follow from ``(seed, epoch)`` alone. Rank r of W takes every W-th of them from the r-th
on, so that the ranks' batches together are the one-process batch; nothing depends on the global random state.
A sampler whose batches must stay whole (``MPerClass``) says how many indices belong together, and each rank takes
every W-th of those batches.

It is a ``DistributedSampler`` by type, because Lightning wraps any other sampler in one of its own: each rank
would get a share of its share, and the epoch number would not arrive.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sized
from itertools import chain
from operator import length_hint
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data.distributed import DistributedSampler

from longtail.labels import Labels
from longtail.part import Part, Switch, at
from longtail.samplers.drawn import CHUNK, blocks, size_of, together_in
from longtail.samplers.shuffled import Shuffled
from longtail.seeds import generator


def ranks() -> tuple[int, int]:
    """``(number of ranks, this rank)`` to deal an epoch to: those of ``torch.distributed``, if it runs.

    ``(1, 0)`` where an ``accelerate.Accelerator`` was made (the HF Trainer makes one): the loaders that it
    prepares deal out whole batches of the one-process epoch themselves, and dealing twice would lose data.
    """
    state = sys.modules.get("accelerate.state")
    accelerated = state is not None and bool(state.AcceleratorState._shared_state)
    if accelerated or not (dist.is_available() and dist.is_initialized()):
        return 1, 0
    return dist.get_world_size(), dist.get_rank()


class EpochSampler(DistributedSampler[int]):
    """Indices for a ``DataLoader(dataset, sampler=...)``: sharded by rank, new each epoch, resumable in the
    middle of one.

    Call ``set_epoch(e)`` before each epoch (Lightning, Accelerate and the HF Trainer do). Without it each epoch has the
    same indices, and the second one warns. With ``drop_last`` the last indices that do not fill all ranks are dropped;
    without, the epoch's first ones are repeated, as ``DistributedSampler`` does.

    Args:
        labels: the labels of the data set, in its order.
        sampler: ``(labels, generator, t) -> indices``; or ``part(...)`` of one, or a ``switch`` of parts over
            progress (deferral); None shuffles.
        seed: of the whole training.
        epochs: of the whole training; needed by samplers that change with progress t = epoch / epochs.
        num_replicas: ranks; None asks :func:`ranks` when it is needed, so that a sampler made before
            the processes start is right in each of them.
        rank: this rank, likewise.
        drop_last: see above.
        dataset: if given, its length is compared with the labels' at each epoch.

    Raises:
        ValueError: ``rank`` is not below ``num_replicas``; more ranks than indices under ``drop_last``; the
            sampler changes with progress and ``epochs`` is missing; the data set's length changed;
            ``load_state_dict`` gets the state of other labels, another sampler's epoch or another seed.

    >>> sampler = EpochSampler(Labels.of([0, 0, 1]), seed=1)
    >>> len(sampler), sorted(sampler)
    (3, [0, 1, 2])
    """

    shuffle = True  # what frameworks may read of a DistributedSampler

    def __init__(
        self,
        labels: Labels,
        sampler: Callable[..., Tensor] | Part[Any] | Switch | None = None,
        *,
        seed: int = 0,
        epochs: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        drop_last: bool = False,
        dataset: Sized | None = None,
    ) -> None:
        self._ranks = (num_replicas, rank)
        if self.num_replicas < 1 or not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"rank={self.rank} must lie in 0..num_replicas-1, with num_replicas={self.num_replicas}"
            )
        self.labels = labels
        self.sampler: Any = sampler if sampler is not None else Shuffled()
        self.seed, self.epochs, self.drop_last = seed, epochs, drop_last
        self.dataset: Any = dataset
        self.epoch, self._start, self._within, self._resumed = 0, 0, 0, False
        self._handed = 0
        self._begun, self._warned = False, False
        self._running: Iterator[int] = iter([])  # of the block handed out last
        self._known: tuple[int, int] | None = None  # (epoch, its length)
        self._drawn: tuple[int, Tensor] | None = (
            None  # (epoch, its indices), where only drawing tells the length
        )
        if epochs is None and not torch.equal(self.stream_prior(0.0), self.stream_prior(1.0)):
            raise ValueError(
                f"epochs=None: {type(self.sampler).__name__} changes with progress; give their number"
            )
        self._check_ranks()
        next(self._blocks())  # fills what the labels cache, so that the first index of an epoch comes at once

    @property
    def num_replicas(self) -> int:  # type: ignore[override]
        """Ranks that share an epoch."""
        given = self._ranks[0]
        return given if given is not None else ranks()[0]

    @property
    def rank(self) -> int:  # type: ignore[override]
        """This one's place among them."""
        replicas, rank = self._ranks
        return rank if rank is not None else (ranks()[1] if replicas is None else 0)

    @property
    def num_samples(self) -> int:  # type: ignore[override]
        """``len(self)``, under ``DistributedSampler``'s name."""
        return len(self)

    @property
    def total_size(self) -> int:  # type: ignore[override]
        """What all ranks yield in a whole epoch."""
        return len(self) * self.num_replicas

    @property
    def t(self) -> float:
        """Progress in [0, 1]."""
        return min(self.epoch / self.epochs, 1.0) if self.epochs else 0.0

    def _at(self, t: float) -> Any:
        """The sampler in force at progress ``t``."""
        chosen = at(self.sampler, t)
        if isinstance(chosen, Part):
            labels = self.labels
            return chosen.build(
                labels=labels, counts=labels.counts, prior=labels.prior, num_classes=labels.num_classes
            )
        return chosen

    def stream_prior(self, t: float | None = None) -> Tensor:
        """What the sampler induces, now or at progress ``t``, float64 ``[C]``."""
        t = self.t if t is None else t
        q: Tensor = self._at(t).stream_prior(self.labels, t)
        return q

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch; setting the epoch we are in keeps a resumed position."""
        self._begun = False
        if epoch != self.epoch:
            self.epoch, self._start, self._within, self._resumed = epoch, 0, 0, False
            self._handed, self._running = 0, iter([])

    def _blocks(self) -> Iterator[Tensor]:
        """The epoch's indices of all ranks, in order, a block at a time."""
        drawn, self._drawn = self._drawn, None
        if drawn is not None and drawn[0] == self.epoch:
            yield from drawn[1].split(CHUNK)
        else:
            draw = generator("epoch", self.seed, self.epoch)
            yield from blocks(self._at(self.t), self.labels, draw, self.t)

    def _total(self) -> int:
        if self._known is None or self._known[0] != self.epoch:
            draw, sampler = generator("epoch", self.seed, self.epoch), self._at(self.t)
            total = size_of(sampler, self.labels, draw, self.t)
            if total is None:  # kept, so that the epoch that begins now is not drawn twice
                self._drawn = (self.epoch, sampler(self.labels, draw, self.t))
                total = len(self._drawn[1])
            self._known = (self.epoch, total)
        return self._known[1]

    def __len__(self) -> int:
        """What this rank yields in a whole epoch; the same on all ranks."""
        return self._each(self._total())

    def _each(self, left: int) -> int:
        """A rank's share of what is left of an epoch, in whole batches where they must stay whole."""
        together = self._together()
        turn = together * self.num_replicas
        return (left // turn if self.drop_last else -(-left // turn)) * together

    def _together(self) -> int:
        """Indices in a row that one rank takes."""
        return together_in(self._at(self.t))

    def _check_ranks(self) -> None:
        if self.drop_last and self.num_replicas * self._together() > self._total():
            raise ValueError(
                f"num_replicas={self.num_replicas} is more than the {self._total() // self._together()} indices "
                "(or whole batches) of an epoch"
            )

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._lists())  # no Python between two indices of a block

    def _lists(self) -> Iterator[Iterator[int]]:
        """This rank's indices, a block at a time; nothing happens before the first is asked for."""
        if self.dataset is not None and len(self.dataset) != len(self.labels):
            raise ValueError(
                f"dataset has {len(self.dataset)} examples now and labels {len(self.labels)}: build anew"
            )
        self._check_ranks()
        self._warn_if_again()
        if not self._resumed:
            self._start, self._within = 0, 0
        self._resumed, self._handed, self._running = False, 0, iter([])
        start, total, turn = self._start, self._total(), self.num_replicas * self._together()
        skip = self._within  # of this rank's share, taken before it was resumed
        left = self._each(max(total - start, 0)) - skip
        head = torch.empty(0, dtype=torch.int64)  # the epoch's first indices, to fill the ranks up at its end
        begin = 0
        for block in self._blocks():
            if len(head) < turn:
                head = torch.cat([head, block[: turn - len(head)]])
            own = self._own(block, begin - start)
            skip, own = max(skip - len(own), 0), own[skip:][: left - self._handed]
            if len(own):
                yield self._hand(own.tolist())
            begin += len(block)
        if self._handed < left:
            beyond = head[torch.arange(turn) % len(head)]
            yield self._hand(self._own(beyond, begin - start)[skip:][: left - self._handed].tolist())

    def _own(self, block: Tensor, begin: int) -> Tensor:
        """This rank's of the indices ``begin``, ``begin + 1`` ... from where dealing started."""
        w, rank, together = self.num_replicas, self.rank, self._together()
        if together == 1:
            return block[max(begin, 0) + (rank - max(begin, 0)) % w - begin :: w]
        place = torch.arange(begin, begin + len(block))
        return block[(place >= 0) & (place // together % w == rank)]

    def _warn_if_again(self) -> None:
        if self._begun and not self._warned:
            self._warned = True
            warnings.warn(
                f"this sampler is iterated again without set_epoch: epoch {self.epoch} comes again, with the same "
                "indices in the same order. Call sampler.set_epoch(epoch) before each epoch",
                stacklevel=3,
            )
        self._begun = True

    def _hand(self, indices: list[int]) -> Iterator[int]:
        self._handed, self._running = self._handed + len(indices), iter(indices)
        return self._running

    def state_dict(self, consumed: int | None = None) -> dict[str, Any]:
        """Where we are, for ``load_state_dict``: the same on all ranks.

        Args:
            consumed: examples that this rank has trained on in this epoch, since it began or was resumed;
                None takes those yielded. A loader with workers asks ahead of training: pass ``step *
                batch_size`` then.
        """
        yielded = self._handed - length_hint(self._running)
        done = self._within + (yielded if consumed is None else consumed)
        batches, within = divmod(done, self._together())
        return {
            "seed": self.seed,
            "epoch": self.epoch,
            "position": self._start + batches * self._together() * self.num_replicas,
            "within": within,
            "ranks": self.num_replicas,
            "fingerprint": self.labels.fingerprint,
            "total": self._total(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where ``state_dict`` was taken; with another number of ranks, what is left is dealt to
        those."""
        if state["fingerprint"] != self.labels.fingerprint:
            raise ValueError(
                "fingerprint: the state is of other labels; build the sampler with those it was taken with"
            )
        if state["seed"] != self.seed:
            raise ValueError(
                f"seed={state['seed']} in the state and {self.seed} here: an epoch follows from its seed"
            )
        if state["within"] and state["ranks"] != self.num_replicas:
            raise ValueError(
                f"num_replicas={self.num_replicas}: the state was taken inside a batch of each of {state['ranks']} "
                "ranks; resume with as many, or take it at the end of a batch"
            )
        self.epoch, self._start, self._within = state["epoch"], state["position"], state["within"]
        self._resumed, self._begun, self._handed, self._running = True, False, 0, iter([])
        if self._total() != state["total"]:
            raise ValueError(
                f"total={state['total']} in the state and {self._total()} here: another sampler?"
            )
