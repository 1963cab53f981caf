"""NearestMean: classify by the nearest class mean of the training features (NCM). Nothing in it is trained.

Source: Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020:
features are centred by the training mean and L2-normalised; ``z_j = -||u - m_j||^2``, m_j the mean of class
j's u, not normalised.

| symbol | here |
|---|---|
| u | ``transform``: ``"centre_l2"``, ``"l2"`` or ``"none"`` (there cl2n, l2n, un) |
| m ``[C, d]`` | ``means``, set by :class:`longtail.surgery.ClassMeans` |
| distance | ``"l2"``; ``"cosine"``; ``"dot"`` = ``u . m_j / d`` |

Differs from the authors' code in ``"cosine"``, a true cosine here; what they call cosine is ``"dot"``. A
class without training examples is never predicted (there: NaN).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.part import Part, part


def transformed(features: Tensor, transform: str, centre: Tensor) -> Tensor:
    """``features [N, d]`` raw, on the unit sphere, or centred by ``centre [d]`` and on the unit sphere."""
    if transform == "none":
        return features
    return F.normalize(features - centre if transform == "centre_l2" else features, dim=-1)


def class_means(features: Tensor, y: Tensor, num_classes: int) -> tuple[Tensor, Tensor]:
    """Mean of each class's ``features [N, d]``, ``[C, d]``, and which classes have any, bool ``[C]``.

    >>> means, seen = class_means(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 2]), 3)
    >>> means.tolist(), seen.tolist()
    ([[2.0], [0.0], [5.0]], [True, False, True])
    """
    total = features.new_zeros(num_classes, features.shape[1]).index_add_(0, y, features)
    n = torch.bincount(y, minlength=num_classes)
    return total / n.clamp_min(1).unsqueeze(1), n > 0


def nearest_mean_logits(u: Tensor, means: Tensor, distance: str = "l2") -> Tensor:
    """``u [B, d]``, ``means [C, d]`` -> ``[B, C]``: larger is nearer.

    >>> nearest_mean_logits(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 2.0]])).tolist()
    [[-1.0, -4.0]]
    """
    if distance == "l2":
        return 2 * F.linear(u, means) - u.square().sum(-1, keepdim=True) - means.square().sum(-1)
    if distance == "cosine":
        return F.linear(F.normalize(u, dim=-1), F.normalize(means, dim=-1))
    return F.linear(u, means) / u.shape[-1]


class NearestMean(nn.Module):
    """``features [B, d] -> logits [B, C]``, see :func:`nearest_mean_logits`.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        transform: ``"centre_l2"``, ``"l2"`` or ``"none"``.
        distance: ``"l2"``, ``"cosine"`` or ``"dot"``.

    Raises:
        ValueError: unknown words.
    """

    centre: Tensor
    means: Tensor
    seen: Tensor

    def __init__(
        self, feature_dim: int, num_classes: int, transform: str = "centre_l2", distance: str = "l2"
    ) -> None:
        super().__init__()
        if transform not in ("centre_l2", "l2", "none"):
            raise ValueError(f"transform={transform!r} must be 'centre_l2', 'l2' or 'none'")
        if distance not in ("l2", "cosine", "dot"):
            raise ValueError(f"distance={distance!r} must be 'l2', 'cosine' or 'dot'")
        self.in_features, self.out_features = feature_dim, num_classes
        self.transform, self.distance = transform, distance
        self.register_buffer("centre", torch.zeros(feature_dim))
        self.register_buffer("means", torch.zeros(num_classes, feature_dim))
        self.register_buffer("seen", torch.ones(num_classes, dtype=torch.bool))
        self.spec: Part[Any] = part(
            NearestMean,
            feature_dim=feature_dim,
            num_classes=num_classes,
            transform=transform,
            distance=distance,
        )

    @torch.no_grad()
    def set_means(self, features: Tensor, y: Tensor) -> None:
        """Take centre and class means from the training ``features [N, d]`` and ``y [N]``, summed in
        float64.
        """
        f = features.double()
        centre = f.mean(0)
        means, seen = class_means(transformed(f, self.transform, centre), y.to(f.device), self.out_features)
        self.centre.copy_(centre)
        self.means.copy_(means)
        self.seen.copy_(seen)

    def forward(self, features: Tensor) -> Tensor:
        u = transformed(features, self.transform, self.centre)
        logits = nearest_mean_logits(u, self.means, self.distance)
        return logits.masked_fill(~self.seen, torch.finfo(logits.dtype).min / 2)
