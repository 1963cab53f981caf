"""Cosine: logits are scaled cosines between feature and class weight, so a class cannot win by a large norm.

Source: the normalised head of Cao et al., "Learning Imbalanced Datasets with Label-Distribution-Aware Margin
Loss", NeurIPS 2019: ``z_j = s <f/||f||, w_j/||w_j||>``, no bias. W is drawn from U(-1, 1) and each w_j
scaled to unit norm.

| symbol | here |
|---|---|
| s | ``scale`` |
| W (there ``[d, C]``) | ``weight`` ``[C, d]`` |

Differs from the authors' code in where s sits: there in the loss, here in the head (as RIDE and BCL do),
exactly once. A margin loss after this head must therefore subtract ``scale * margin``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.part import Part, part


def cosine_logits(features: Tensor, weight: Tensor, scale: Tensor | float) -> Tensor:
    """Scaled cosines: ``features [B, d]``, ``weight [C, d]`` -> ``[B, C]``. A zero vector has cosine 0 with
    all.

    >>> cosine_logits(torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 5.0]]), 10.0).tolist()
    [[10.0, 0.0]]
    """
    return scale * F.linear(F.normalize(features, dim=-1), F.normalize(weight, dim=-1))


class Cosine(nn.Module):
    """``features [B, d] -> scale * cosine [B, C]``.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        scale: s > 0.
        learn_scale: train s too? It stays positive: the parameter is log s.

    Raises:
        ValueError: ``scale`` is not positive.
    """

    def __init__(
        self, feature_dim: int, num_classes: int, scale: float = 30.0, learn_scale: bool = False
    ) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"scale={scale} must be positive")
        self.in_features, self.out_features = feature_dim, num_classes
        self.fixed_scale = scale
        self.weight = nn.Parameter(torch.empty(num_classes, feature_dim))
        self.log_scale = nn.Parameter(torch.tensor(scale).log()) if learn_scale else None
        self.spec: Part[Any] = part(
            Cosine, feature_dim=feature_dim, num_classes=num_classes, scale=scale, learn_scale=learn_scale
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw W anew: uniform, rows of unit norm."""
        with torch.no_grad():
            self.weight.uniform_(-1, 1)
            self.weight.copy_(F.normalize(self.weight, dim=1))

    @property
    def scale(self) -> Tensor | float:
        """s in force."""
        return self.fixed_scale if self.log_scale is None else self.log_scale.exp()

    def forward(self, features: Tensor) -> Tensor:
        return cosine_logits(features, self.weight, self.scale)
