"""Memory: the feature is enriched from a memory of class centroids and scaled by how near it is to any
(OLTR).

Source: Liu et al., "Large-Scale Long-Tailed Recognition in an Open World", CVPR 2019: with centroids c_j,
``o = softmax(T_hal f)``, ``m = sum_j o_j c_j``, ``e = tanh(T_sel f)``, ``r = 10 / min_j ||f - c_j||``,
``v = r (f + e * m)``, then the squashing cosine head on v.

| symbol | here |
|---|---|
| T_hal, T_sel | ``hallucinate``, ``select`` |
| c | ``centroids``, which the head reads without gradient; their own loss trains them |
| 10 in r | ``reach`` |

Differs from the authors' code in a feature that lies on a centroid: r is finite here. The loss of the centroids is
:func:`longtail.losses.discriminative_centroids`, given ``head.centroids``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.heads.squashing_cosine import SquashingCosine
from longtail.part import Part, part


def meta_embedding(
    features: Tensor, centroids: Tensor, mix: Tensor, gate: Tensor, reach: float = 10.0
) -> Tensor:
    """v ``[B, d]`` of ``features [B, d]``, ``centroids [C, d]``, ``mix [B, C]`` (o) and ``gate [B, d]`` (e).

    >>> f, c = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 2.0], [9.0, 9.0]])
    >>> meta_embedding(f, c, torch.tensor([[1.0, 0.0]]), torch.ones(1, 2)).tolist()  # 10 / 2 * ([1, 0] + [1, 2])
    [[10.0, 10.0]]
    """
    nearest = torch.cdist(features, centroids).amin(1, keepdim=True)
    return reach / nearest.clamp_min(1e-3) * (features + gate * (mix @ centroids))


class Memory(nn.Module):
    """``features [B, d] -> logits [B, C]``.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        scale: of the cosine head, > 0.
        reach: numerator of r, > 0.

    Raises:
        ValueError: ``scale`` or ``reach`` is not positive.
    """

    trained_elsewhere = ("centroids",)

    def __init__(self, feature_dim: int, num_classes: int, scale: float = 16.0, reach: float = 10.0) -> None:
        super().__init__()
        if not reach > 0:
            raise ValueError(f"reach={reach} must be positive")
        self.in_features, self.out_features, self.reach = feature_dim, num_classes, reach
        self.centroids = nn.Parameter(torch.zeros(num_classes, feature_dim))
        self.hallucinate = nn.Linear(feature_dim, num_classes)
        self.select = nn.Linear(feature_dim, feature_dim)
        self.cosine = SquashingCosine(feature_dim, num_classes, scale)
        self.spec: Part[Any] = part(
            Memory, feature_dim=feature_dim, num_classes=num_classes, scale=scale, reach=reach
        )

    def forward(self, features: Tensor) -> Tensor:
        mix, gate = self.hallucinate(features).softmax(-1), self.select(features).tanh()
        v = meta_embedding(features, self.centroids.detach(), mix, gate, self.reach)
        logits: Tensor = self.cosine(v)
        return logits
