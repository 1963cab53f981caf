"""What the Modules of the losses with class weights have in common."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from longtail.losses._checks import Vector, checked_weight, normalised


class ClassLoss(nn.Module):
    """Class weights, and how per-target losses are reduced; a loss adds arguments of its own and ``forward``."""

    weight: Tensor | None

    def __init__(self, weight: Vector | None, reduction: str, normalizer: str, ignore_index: int) -> None:
        super().__init__()
        self.register_buffer("weight", checked_weight(weight))
        self.reduction, self.normalizer, self.ignore_index = reduction, normalizer, ignore_index

    @property
    def common(self) -> dict[str, Any]:
        """These arguments, for the loss's function."""
        return {
            "weight": self.weight,
            "reduction": self.reduction,
            "normalizer": self.normalizer,
            "ignore_index": self.ignore_index,
        }

    def weighted(self, prior: Tensor) -> Tensor:
        """``prior * weight``, normalised: what a class weight does to the prior that the logits carry."""
        return normalised(prior if self.weight is None else prior * self.weight.to(prior))
