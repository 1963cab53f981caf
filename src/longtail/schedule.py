"""Schedules: pure functions of training progress t in [0, 1], to a multiplier of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence


class Constant:
    """The learning rate stays."""

    def __call__(self, t: float) -> float:
        return 1.0


class Cosine:
    """Linear warm-up over the first ``warmup`` of training, then half a cosine from 1 to ``floor``.

    >>> Cosine()(0.0), Cosine()(0.5), Cosine()(1.0)
    (1.0, 0.5, 0.0)
    """

    def __init__(self, warmup: float = 0.0, floor: float = 0.0) -> None:
        if not 0 <= warmup < 1:
            raise ValueError(f"warmup={warmup} must lie in [0, 1): it is a share of the training")
        self.warmup, self.floor = warmup, floor

    def __call__(self, t: float) -> float:
        if t < self.warmup:
            return t / self.warmup
        u = (t - self.warmup) / (1 - self.warmup)
        return round(self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * min(u, 1.0))), 12)


class Steps:
    """Linear warm-up, then multiply by ``factor`` at each milestone; the LDAM-DRW protocol is the default.

    Args:
        milestones: shares of the training, increasing.
        factor: at each of them.
        warmup: a share of the training.
        stairs: warm up in this many equal steps, 1/stairs to 1, as code that sets the rate once an epoch does; 0 rises
            smoothly from 0.

    >>> [Steps()(t) for t in (0.5, 0.85, 0.95)]
    [1.0, 0.01, 0.0001]
    >>> [Steps(stairs=5)(epoch / 200) for epoch in range(6)]
    [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    """

    def __init__(
        self,
        milestones: Sequence[float] = (0.8, 0.9),
        factor: float = 0.01,
        warmup: float = 0.025,
        stairs: int = 0,
    ) -> None:
        if sorted(milestones) != list(milestones) or any(not 0 < m < 1 for m in milestones):
            raise ValueError(
                f"milestones={milestones} must increase inside (0, 1): they are shares of the training"
            )
        if not 0 <= warmup < 1:
            raise ValueError(f"warmup={warmup} must lie in [0, 1): it is a share of the training")
        if stairs < 0:
            raise ValueError(f"stairs={stairs} must be at least 0: the number of steps of the warm-up")
        self.milestones, self.factor, self.warmup = tuple(milestones), factor, warmup
        self.stairs = stairs

    def __call__(self, t: float) -> float:
        if t < self.warmup:
            climbed = t / self.warmup
            return (int(climbed * self.stairs + 1e-9) + 1) / self.stairs if self.stairs else climbed
        return self.factor ** sum(t >= m for m in self.milestones)


class LinearDecay:
    """Linear warm-up, then straight down to ``floor``: the usual schedule for fine-tuning text encoders."""

    def __init__(self, warmup: float = 0.0, floor: float = 0.0) -> None:
        if not 0 <= warmup < 1:
            raise ValueError(f"warmup={warmup} must lie in [0, 1): it is a share of the training")
        self.warmup, self.floor = warmup, floor

    def __call__(self, t: float) -> float:
        if t < self.warmup:
            return t / self.warmup
        return 1 - (1 - self.floor) * (t - self.warmup) / (1 - self.warmup)


PARTS = (
    Constant, Cosine, Steps, LinearDecay,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
