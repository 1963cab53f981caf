"""TwoBranch: two last blocks over one backbone, joined by one linear classifier (BBN).

Source: Zhou et al., "BBN: Bilateral-Branch Network with Cumulative Learning for Long-Tailed Visual
Recognition", CVPR 2020: ``z = W 2 [a f_c ; (1 - a) f_r] + b`` in training, ``W [f_c ; f_r] + b`` at test (a
= 1/2).

| symbol | here |
|---|---|
| f_c, f_r | ``conventional(features)``, ``rebalancing(features)``: the two branches |
| a (alpha) | the argument of :meth:`mixed`; the objective moves it |

Differs from the authors' code in where the branches live: there in the backbone, here in the head, so that any backbone
gets them. ``branches`` are theirs where they are the last block of a ResNet (``longtail.surgery.AddBranches``); where
nothing is given, a residual block each on feature vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.part import Part, part


class Residual(nn.Module):
    """``relu(x + g(x))`` with g two layers as wide as x: vectors ``[B, d]`` to vectors ``[B, d]``."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))
        self.out_features = dim

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.inner(x))


class TwoBranch(nn.Module):
    """``features [B, d]`` (or what the branches take) ``-> logits [B, C]``; both branches see the same input.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        branches: two modules that tell their ``out_features``, the conventional one first; None makes two residual
            blocks.

    Raises:
        ValueError: not two branches.

    >>> head, f = TwoBranch(4, 3), torch.ones(2, 4)
    >>> head(f).allclose(head.mixed(f, f, alpha=0.5))
    True
    """

    def __init__(
        self, feature_dim: int, num_classes: int, branches: Sequence[nn.Module] | None = None
    ) -> None:
        super().__init__()
        made = [Residual(feature_dim) for _ in range(2)] if branches is None else branches
        if len(made) != 2:
            raise ValueError(f"branches has {len(made)} modules: there are two, conventional and rebalancing")
        self.in_features, self.out_features = feature_dim, num_classes
        self.conventional, self.rebalancing = made
        widths = [int(b.out_features) for b in made]  # type: ignore[arg-type]
        self.linear = nn.Linear(sum(widths), num_classes)
        own = None if branches is None else tuple(b.spec for b in made)
        self.spec: Part[Any] = part(TwoBranch, feature_dim=feature_dim, num_classes=num_classes, branches=own)

    def forward(self, features: Tensor) -> Tensor:
        return self.mixed(features, features, 0.5)

    def mixed(self, features: Tensor, rebalanced: Tensor, alpha: float) -> Tensor:
        """Logits ``[B, C]`` of two batches of features, one a branch, weighted ``alpha`` and ``1 - alpha``
        (times 2).
        """
        f_c, f_r = self.conventional(features), self.rebalancing(rebalanced)
        logits: Tensor = self.linear(2 * torch.cat([alpha * f_c, (1 - alpha) * f_r], -1))
        return logits
