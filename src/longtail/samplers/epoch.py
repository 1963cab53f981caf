"""EpochSampler: any sampler of this room as a ``torch.utils.data.Sampler``, for a ``DataLoader`` of your own.

The epoch's indices follow from ``(seed, epoch)`` alone. Rank r of W takes every W-th of them from the r-th
on, so that the ranks' batches together are the one-process batch; nothing depends on the global random state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sized
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import Sampler

from longtail.labels import Labels
from longtail.samplers.drawn import CHUNK
from longtail.samplers.shuffled import Shuffled
from longtail.seeds import generator


class EpochSampler(Sampler[int]):
    """Indices for a ``DataLoader(dataset, sampler=...)``: sharded by rank, new each epoch, resumable in the
    middle of one.

    Call ``set_epoch(e)`` before each epoch (Lightning, Accelerate and the HF Trainer do). With ``drop_last``
    the last indices that do not fill all ranks are dropped; without, the epoch's first ones are repeated, as
    ``DistributedSampler`` does.

    Args:
        labels: the labels of the data set, in its order.
        sampler: ``(labels, generator, t) -> indices``; None shuffles.
        seed: of the whole training.
        epochs: of the whole training; needed by samplers that change with progress t = epoch / epochs.
        num_replicas: ranks; None asks ``torch.distributed``, and is 1 without it.
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

    def __init__(
        self,
        labels: Labels,
        sampler: Callable[..., Tensor] | None = None,
        *,
        seed: int = 0,
        epochs: int | None = None,
        num_replicas: int | None = None,
        rank: int | None = None,
        drop_last: bool = False,
        dataset: Sized | None = None,
    ) -> None:
        spread = dist.is_available() and dist.is_initialized()
        self.num_replicas = (
            num_replicas if num_replicas is not None else (dist.get_world_size() if spread else 1)
        )
        self.rank = rank if rank is not None else (dist.get_rank() if spread and num_replicas is None else 0)
        if self.num_replicas < 1 or not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"rank={self.rank} must lie in 0..num_replicas-1, with num_replicas={self.num_replicas}"
            )
        self.labels = labels
        self.sampler: Any = sampler if sampler is not None else Shuffled()
        self.seed, self.epochs, self.drop_last, self.dataset = seed, epochs, drop_last, dataset
        self.epoch, self._start, self._yielded, self._resumed = 0, 0, 0, False
        self._known: tuple[int, int] | None = None  # (epoch, its length)
        if epochs is None and not torch.equal(self.class_distribution(0.0), self.class_distribution(1.0)):
            raise ValueError(
                f"epochs=None: {type(self.sampler).__name__} changes with progress; give their number"
            )
        if drop_last and self.num_replicas > self._total():
            raise ValueError(
                f"num_replicas={self.num_replicas} is more than the {self._total()} indices of an epoch"
            )
        next(self._blocks())  # fills what the labels cache, so that the first index of an epoch comes at once

    @property
    def t(self) -> float:
        """Progress in [0, 1]."""
        return min(self.epoch / self.epochs, 1.0) if self.epochs else 0.0

    def class_distribution(self, t: float | None = None) -> Tensor:
        """What the sampler induces, now or at progress ``t``, float64 ``[C]``."""
        q: Tensor = self.sampler.class_distribution(self.labels, self.t if t is None else t)
        return q

    def set_epoch(self, epoch: int) -> None:
        """Go to the start of an epoch; setting the epoch we are in keeps a resumed position."""
        if epoch != self.epoch:
            self.epoch, self._start, self._yielded, self._resumed = epoch, 0, 0, False

    def _blocks(self) -> Iterator[Tensor]:
        """The epoch's indices of all ranks, in order, a block at a time."""
        draw = generator("epoch", self.seed, self.epoch)
        chunks = getattr(self.sampler, "chunks", None)
        if chunks is not None:
            yield from chunks(self.labels, draw, self.t)
        else:
            yield from self.sampler(self.labels, draw, self.t).split(CHUNK)

    def _total(self) -> int:
        if self._known is None or self._known[0] != self.epoch:
            size = getattr(self.sampler, "size", None)
            total = size(self.labels, self.t) if size else sum(len(block) for block in self._blocks())
            self._known = (self.epoch, total)
        return self._known[1]

    def __len__(self) -> int:
        """What this rank yields in a whole epoch; the same on all ranks."""
        return self._each(self._total())

    def _each(self, left: int) -> int:
        return left // self.num_replicas if self.drop_last else -(-left // self.num_replicas)

    def __iter__(self) -> Iterator[int]:
        if self.dataset is not None and len(self.dataset) != len(self.labels):
            raise ValueError(
                f"dataset has {len(self.dataset)} examples now and labels {len(self.labels)}: build anew"
            )
        if not self._resumed:
            self._start = 0
        self._resumed, self._yielded = False, 0
        start, total, w = self._start, self._total(), self.num_replicas
        each = self._each(max(total - start, 0))
        head = torch.empty(0, dtype=torch.int64)  # the epoch's first indices, to fill the ranks up at its end
        begin = 0
        for block in self._blocks():
            if len(head) < w:
                head = torch.cat([head, block[: w - len(head)]])
            turn = max(-(-(begin - start - self.rank) // w), 0)  # this rank's turns before the block
            for index in block[start + self.rank + turn * w - begin :: w].tolist():
                if self._yielded == each:
                    return
                self._yielded += 1
                yield index
            begin += len(block)
        while self._yielded < each:
            beyond = start + self._yielded * w + self.rank - total
            self._yielded += 1
            yield int(head[beyond % len(head)])

    def state_dict(self, consumed: int | None = None) -> dict[str, Any]:
        """Where we are, for ``load_state_dict``: the same on all ranks.

        Args:
            consumed: examples that this rank has trained on in this epoch, since it began or was resumed;
                None takes those yielded. A loader with workers asks ahead of training: pass ``step *
                batch_size`` then.
        """
        done = (self._yielded if consumed is None else consumed) * self.num_replicas
        return {
            "seed": self.seed,
            "epoch": self.epoch,
            "position": self._start + done,
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
        self.epoch, self._start, self._yielded = state["epoch"], state["position"], 0
        self._resumed = True
        if self._total() != state["total"]:
            raise ValueError(
                f"total={state['total']} in the state and {self._total()} here: another sampler?"
            )
