"""Length: for how many epochs a net trains that cannot be solved, found on the inner split of the training rows.

The base stage is trained by cross-entropy for ever longer, each time ``FACTOR`` times as long, until held-out rows do
not get better. The last length that helped is that of every recipe of the comparison in that fold: all train on equal
terms. Where the longest allowed was still better than the one before, training has not
converged, and it is said. Where nothing longer is allowed, a shorter one is tried instead.

What is better is the log-loss of the held-out rows, their natural mean and their mean by class in equal parts: the first
alone does not see a rare class, the second alone is all noise where it has few rows.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from longtail.labels import Labels

FACTOR = 3.0
LEAST = 0.01
"""Nats that a longer training has to gain."""


@dataclass(frozen=True)
class Length:
    """What was found.

    Attributes:
        epochs: of the base stage.
        converged: was the longest length tried no better than a shorter one? None where it was not checked.
        tried: ``(epochs, held-out loss)`` of each length, in the order tried.
    """

    epochs: int
    converged: bool | None
    tried: tuple[tuple[int, float], ...] = ()


def usual(found: Sequence[Length]) -> Length | None:
    """The length for all rows, from those that the folds found: the median, the longer where two are in the middle. None
    where there is none.

    >>> usual([Length(epochs, True) for epochs in (10, 90, 30)]).epochs
    30
    """
    if not found:
        return None
    said = [length.converged for length in found]
    epochs = statistics.median_high(length.epochs for length in found)
    return Length(epochs, None if None in said else all(said))


def held_losses(logits: Tensor, labels: Labels) -> Tensor:
    """The loss of each held-out row, float64 ``[N]``, weighted so that the mean is half the natural mean of the log-loss
    and half its mean over classes.
    """
    each = torch.nn.functional.cross_entropy(logits.double(), labels.y, reduction="none")
    counts = labels.counts.double()
    balanced = len(labels) / (counts[labels.y] * int((counts > 0).sum()))
    return each * (0.5 + 0.5 * balanced)


def better(new: Tensor, old: Tensor) -> bool:
    """Is the mean of ``new`` below that of ``old`` by as much as is worth it: ``LEAST`` nats, and half a per cent?

    Where classes are told apart without an error the log-loss falls for ever, and nothing is learnt any more. That the
    gain is beyond noise is not asked for: with few rare rows held out, noise hides that a training is far too short, and
    where two lengths are as good it does no harm to take either.
    """
    return float((old - new).mean()) > max(LEAST, 0.005 * float(old.mean()))


def find(first: int, allowed: Sequence[int], losses: Callable[[int], Tensor]) -> Length:
    """The length that three times as much training does not improve on.

    Args:
        first: epochs to begin with.
        allowed: (fewest, most) epochs.
        losses: held-out losses, a row each, after that many epochs.

    >>> find(10, (1, 1000), lambda epochs: torch.full((5,), 5 / min(epochs, 40))).epochs
    90
    >>> find(10, (1, 10), lambda epochs: torch.full((5,), 1 / epochs)).converged
    False
    """
    best = min(first, allowed[1])
    found = {best: losses(best)}
    converged = False
    while not converged and (longer := math.ceil(best * FACTOR)) <= allowed[1]:
        found[longer] = losses(longer)
        if better(found[longer], found[best]):
            best = longer
        else:
            converged = True
    shorter = math.floor(best / FACTOR)
    if len(found) == 1 and shorter >= allowed[0]:
        found[shorter] = losses(shorter)
        converged = not better(found[best], found[shorter])
    return Length(best, converged, tuple((epochs, float(each.mean())) for epochs, each in found.items()))
