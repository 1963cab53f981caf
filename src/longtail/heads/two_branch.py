"""TwoBranch: two last blocks over one backbone, joined by one linear classifier (BBN).

Source: Zhou et al., "BBN: Bilateral-Branch Network with Cumulative Learning for Long-Tailed Visual
Recognition", CVPR 2020: ``z = W 2 [a f_c ; (1 - a) f_r] + b`` in training, ``W [f_c ; f_r] + b`` at test (a
= 1/2).

| symbol | here |
|---|---|
| f_c, f_r | ``conventional(features)``, ``rebalancing(features)``: two residual blocks |
| a (alpha) | the argument of :meth:`mixed`; the objective moves it |

Differs from the authors' code in where the branches live: there in the backbone, here in the head, so that
any backbone gets them. ``block="conv"`` is theirs (a 3x3 basic block with BatchNorm on feature maps ``[B, d,
H, W]``, then mean pooling); ``block="mlp"`` is the same idea for feature vectors ``[B, d]``.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.part import Part, part


class Residual(nn.Module):
    """``relu(x + g(x))`` with g two layers as wide as x; ``"conv"`` also pools maps to vectors ``[B, d]``."""

    def __init__(self, dim: int, block: str) -> None:
        super().__init__()
        if block == "conv":
            layers = [
                nn.Conv2d(dim, dim, 3, padding=1, bias=False),
                nn.BatchNorm2d(dim),
                nn.ReLU(),
                nn.Conv2d(dim, dim, 3, padding=1, bias=False),
                nn.BatchNorm2d(dim),
            ]
        else:
            layers = [nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim)]
        self.inner, self.pool = nn.Sequential(*layers), block == "conv"

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(x + self.inner(x))
        return y.mean((-2, -1)) if self.pool else y


class TwoBranch(nn.Module):
    """``features [B, d]`` (or maps ``[B, d, H, W]``) ``-> logits [B, C]``; both branches see the same input.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        block: ``"mlp"`` or ``"conv"``.

    Raises:
        ValueError: unknown ``block``.

    >>> head, f = TwoBranch(4, 3), torch.ones(2, 4)
    >>> head(f).allclose(head.mixed(f, f, alpha=0.5))
    True
    """

    def __init__(self, feature_dim: int, num_classes: int, block: str = "mlp") -> None:
        super().__init__()
        if block not in ("mlp", "conv"):
            raise ValueError(f"block={block!r} must be 'mlp' or 'conv'")
        self.in_features, self.out_features = feature_dim, num_classes
        self.conventional = Residual(feature_dim, block)
        self.rebalancing = Residual(feature_dim, block)
        self.linear = nn.Linear(2 * feature_dim, num_classes)
        self.spec: Part[Any] = part(TwoBranch, feature_dim=feature_dim, num_classes=num_classes, block=block)

    def forward(self, features: Tensor) -> Tensor:
        return self.mixed(features, features, 0.5)

    def mixed(self, features: Tensor, rebalanced: Tensor, alpha: float) -> Tensor:
        """Logits ``[B, C]`` of two batches of features, one a branch, weighted ``alpha`` and ``1 - alpha``
        (times 2).
        """
        f_c, f_r = self.conventional(features), self.rebalancing(rebalanced)
        logits: Tensor = self.linear(2 * torch.cat([alpha * f_c, (1 - alpha) * f_r], -1))
        return logits
