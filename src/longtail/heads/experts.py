"""Experts: several classifiers on one trunk, each with layers of its own; their logits are averaged.

Source: Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts" (RIDE), ICLR 2021, and
Zhang et al., "Self-Supervised Aggregation of Diverse Experts" (SADE), NeurIPS 2022: ``z = sum_k w_k z_k``, ``z_k`` a
cosine classifier of scale s on the features of expert k's own layers, w uniform unless fitted at test time (SADE).

| symbol | here |
|---|---|
| K experts' layers | ``branches`` (for images ``longtail.backbones.ResNetBranch``) |
| s | ``scale``; None for a linear classifier |
| w | ``weights`` (a buffer) |

Differs from the authors' code in where the layers live: there in the backbone, here in the head, so that any backbone
gets experts (a hidden layer each, where nothing else is given) and a router can leave later ones out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.heads.cosine import Cosine
from longtail.heads.linear import Linear
from longtail.part import Part, part


class Hidden(nn.Module):
    """``relu(W f + b)``: the layer that an expert has of its own on feature vectors.

    Args:
        features: d; width: of the layer.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.linear, self.out_features = nn.Linear(features, width), width
        self.spec: Part[Any] = part(Hidden, features=features, width=width)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.linear(features))


class Experts(nn.Module):
    """``features [B, d]`` (or what the branches take) ``-> logits [B, C]``; ``each`` gives ``[B, K, C]``.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        branches: K modules that tell their ``out_features``; None makes a hidden layer each.
        experts: K, where ``branches`` is None.
        scale: s of the cosine classifiers, > 0; None for linear ones.

    Raises:
        ValueError: no expert; ``scale`` is not positive.

    >>> head, f = Experts(4, 3), torch.ones(2, 4)
    >>> head.each(f).shape, head(f).allclose(head.each(f).mean(1), atol=1e-6)
    (torch.Size([2, 3, 3]), True)
    """

    weights: Tensor

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        branches: Sequence[nn.Module] | None = None,
        experts: int = 3,
        scale: float | None = 30.0,
    ) -> None:
        super().__init__()
        made = [Hidden(feature_dim, feature_dim) for _ in range(experts)] if branches is None else branches
        if not made:
            raise ValueError(f"experts={experts}: there must be at least one")
        self.in_features, self.out_features = feature_dim, num_classes
        self.branches = nn.ModuleList(made)
        widths = [int(b.out_features) for b in made]  # type: ignore[arg-type]
        self.classifiers = nn.ModuleList(
            Linear(w, num_classes) if scale is None else Cosine(w, num_classes, scale) for w in widths
        )
        self.register_buffer("weights", torch.full((len(made),), 1 / len(made)))
        self.spec: Part[Any] = part(
            Experts,
            feature_dim=feature_dim,
            num_classes=num_classes,
            branches=tuple(b.spec for b in made),
            scale=scale,
        )

    def expert(self, k: int, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features ``[B, w]`` and logits ``[B, C]`` of expert ``k``."""
        own = self.branches[k](features)
        return own, self.classifiers[k](own)

    def each(self, features: Tensor) -> Tensor:
        """The logits of every expert, ``[B, K, C]``."""
        return torch.stack([self.expert(k, features)[1] for k in range(len(self.branches))], 1)

    def forward(self, features: Tensor) -> Tensor:
        return torch.einsum("k,bkc->bc", self.weights, self.each(features))
