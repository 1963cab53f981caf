"""Random over-sampling: repeat examples of small classes until every class reaches a target count.

The oldest remedy (see He and Garcia, *Learning from imbalanced data*, TKDE 2009, section 3.1). All originals
stay; the missing ones are drawn from the class with replacement, afresh each epoch. A class already above the
target keeps its examples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers.cycles import spread
from longtail.samplers.drawn import check_draws, check_number, check_size, examples, join
from longtail.samplers.scatter import pieces, scatter, shuffle


class OverSample:
    """Every example once, and random repeats until each class has the target count; shuffled.

    Args:
        to: target count of a class; None takes the largest class's.
        ratio: target as a share of the largest class, in (0, 1], instead of ``to``.

    Raises:
        ValueError: ``to`` below 1, ``ratio`` outside (0, 1], or both given.

    >>> labels = Labels.of([0, 0, 0, 1])
    >>> labels.y[OverSample()(labels, torch.Generator().manual_seed(0))].bincount().tolist()
    [3, 3]
    """

    def __init__(self, to: int | None = None, ratio: float | None = None) -> None:
        self.to, self.ratio = check_target(to, ratio)

    def counts(self, labels: Labels) -> Tensor:
        """Examples of each class in an epoch, int64 ``[C]``.

        Raises:
            ValueError: they are more than any epoch holds.
        """
        n = labels.counts
        to = self.to if self.to is not None else math.ceil((self.ratio or 1.0) * int(n.max()))
        made = torch.where(n > 0, n.clamp(min=to), 0)
        check_size(int(made.sum()), f"to={to} for {int((n > 0).sum())} classes", len(labels))
        return made

    def stream_prior(self, labels: Labels, t: float = 0.0) -> Tensor:
        """Class frequencies of the epoch, exact, float64 ``[C]``."""
        counts = self.counts(labels).double()
        return counts / counts.sum()

    def size(self, labels: Labels, t: float = 0.0) -> int:
        """Indices in an epoch."""
        return int(self.counts(labels).sum())

    def chunks(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        left = (self.counts(labels) - labels.counts).double()
        classes, into = torch.arange(labels.num_classes), pieces(self.size(labels))
        # A repeat falls in each piece alike, as an original does: so many of a class in this one, given the ones before.
        for k, piece in enumerate(scatter(len(labels), into, generator)):
            here = torch.full_like(left, 1 / (into - k))
            repeats = torch.binomial(left, here, generator=generator) if k + 1 < into else left
            left = left - repeats
            more = examples(labels, spread(classes, repeats.long()), generator)
            yield shuffle(torch.cat([piece, more]), generator)

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return join(self.chunks(labels, generator, t), self.size(labels, t))


def check_target(to: int | None, ratio: float | None) -> tuple[int | None, float | None]:
    """Both as given.

    Raises:
        ValueError: ``to`` below 1, ``ratio`` outside (0, 1], or both given.
    """
    if to is not None and ratio is not None:
        raise ValueError(f"to={to} and ratio={ratio}: give one of the two")
    if to is not None:
        check_draws("to", to)
    if ratio is not None:
        check_number("ratio", ratio)
    if ratio is not None and not 0 < ratio <= 1:
        raise ValueError(f"ratio={ratio} must lie in (0, 1]: smallest class over largest, after sampling")
    return to, ratio
