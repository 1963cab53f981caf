"""SquashingCosine: the cosine head of OLTR, whose confidence shrinks with the norm of the feature.

Source: Liu et al., "Large-Scale Long-Tailed Recognition in an Open World", CVPR 2019:
``z_j = s * ||v|| / (1 + ||v||) * <v/||v||, w_j/||w_j||>``, no bias, s = 16, W from U(-1/sqrt d, 1/sqrt d).

| symbol | here |
|---|---|
| s | ``scale`` |
| v | the features |

Differs from the authors' code in its argument ``margin``, which does nothing there and is left out. A zero
feature gives zero logits (there: NaN).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.part import Part, part


def squashing_cosine_logits(features: Tensor, weight: Tensor, scale: float = 16.0) -> Tensor:
    """``features [B, d]``, ``weight [C, d]`` -> logits ``[B, C]``, each within ``scale``.

    >>> squashing_cosine_logits(torch.tensor([[3.0]]), torch.tensor([[2.0]]), 16.0).tolist()
    [[12.0]]
    """
    squashed = features / (1 + features.norm(dim=-1, keepdim=True))
    return scale * F.linear(squashed, F.normalize(weight, dim=-1))


class SquashingCosine(nn.Module):
    """``features [B, d] -> logits [B, C]``, see :func:`squashing_cosine_logits`.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        scale: s > 0.

    Raises:
        ValueError: ``scale`` is not positive.
    """

    def __init__(self, feature_dim: int, num_classes: int, scale: float = 16.0) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"scale={scale} must be positive")
        self.in_features, self.out_features, self.scale = feature_dim, num_classes, scale
        self.weight = nn.Parameter(torch.empty(num_classes, feature_dim))
        nn.init.uniform_(self.weight, -(feature_dim**-0.5), feature_dim**-0.5)
        self.spec: Part[Any] = part(
            SquashingCosine, feature_dim=feature_dim, num_classes=num_classes, scale=scale
        )

    def forward(self, features: Tensor) -> Tensor:
        return squashing_cosine_logits(features, self.weight, self.scale)
