"""What the Modules of the losses have in common: class frequencies, class weights, and how they are reduced."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from longtail.losses._checks import (
    Vector,
    check_one_of,
    checked_counts,
    checked_prior,
    checked_weight,
    normalised,
)


class CountedLoss(nn.Module):
    """How frequent the classes are in training: the buffer ``counts`` (int64 ``[C]``) or ``prior`` (float64 ``[C]``,
    summing to 1), whichever was given; the other is None.
    """

    counts: Tensor | None
    prior: Tensor | None

    def __init__(self, counts: Vector | None, prior: Vector | None, *, needed: bool = True) -> None:
        super().__init__()
        if needed or (counts is not None and prior is not None):
            check_one_of(counts, prior)
        self.register_buffer("counts", None if counts is None else checked_counts(counts))
        self.register_buffer("prior", None if prior is None else checked_prior("prior", prior))
        self.total = 0 if self.counts is None else int(self.counts.sum())

    @property
    def sizes(self) -> Tensor:
        """The counts or the prior: how frequent the classes are, up to a factor."""
        found = self.prior if self.counts is None else self.counts
        assert found is not None
        return found


class ClassLoss(CountedLoss):
    """Class weights, and how per-target losses are reduced; a loss adds arguments of its own and ``forward``."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Vector | None,
        reduction: str,
        normalizer: str,
        ignore_index: float,
        counts: Vector | None = None,
        prior: Vector | None = None,
        *,
        needed: bool = False,
    ) -> None:
        super().__init__(counts, prior, needed=needed)
        self.register_buffer("weight", checked_weight(weight))
        self.reduction, self.normalizer, self.ignore_index = reduction, normalizer, ignore_index

    @property
    def common(self) -> dict[str, Any]:
        """These arguments, for the loss's function."""
        return {
            "counts": self.counts,
            "prior": self.prior,
            "weight": self.weight,
            "reduction": self.reduction,
            "normalizer": self.normalizer,
            "ignore_index": self.ignore_index,
        }

    def weighted(self, prior: Tensor) -> Tensor | None:
        """``prior * weight``, normalised: what a class weight does to the prior that the logits carry. None where the
        mean divides by the batch's own weights: a rare example shrinks its own weight, by how much the batch decides.
        """
        if self.weight is None:
            return normalised(prior)
        if self.reduction == "mean" and self.normalizer == "weights":
            return None
        return normalised(prior * self.weight.to(prior))
