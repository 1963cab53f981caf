"""NestedContrast: nested collaborative learning, each of its nets also under a momentum contrast of its own (NCL).

Paper: Li et al., "Nested collaborative learning for long-tailed visual recognition", CVPR 2022, section 3.4:
``NCL + weight sum_k InfoNCE_k``.

| symbol | here |
|---|---|
| the rest of the loss | ``longtail.objectives.NestedCollaborative``, on the first view |
| q_k, k+_k | first view through net k, second through its slow copy; a projection and a queue for each net |
| m, tau, queue | ``momentum``, ``temperature``, ``queue``; ``longtail.objectives.MomentumContrast`` |
| weight | ``weight`` (1) |

Differs from the authors' code in the projection's hidden layer, as wide as the features, and, as
``NestedCollaborative``, in the hard terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.objectives._momentum import KeyEncoder, Queue
from longtail.objectives._views import projector, unit, views_of
from longtail.objectives.momentum_contrast import info_nce
from longtail.objectives.nested_collaborative import NestedCollaborative
from longtail.objectives.supervised import Batch


class NestedContrast(nn.Module):
    """The terms of ``NestedCollaborative`` on the first view, and InfoNCE of both views for each net.

    Args:
        net: the stage's net at its start (a fact).
        counts: training examples per class (a fact).
        feature_dim: d (a fact).
        nets, hard, mutual: of ``NestedCollaborative``; ``mutual`` is its ``weight``.
        weight: of the contrast, at least 0; 0 is ``NestedCollaborative``.
        dim, queue, momentum, temperature: of ``MomentumContrast``.

    Raises:
        ValueError: a number out of its range.
    """

    couples_batch = True
    ignores_progress = True

    def __init__(
        self,
        net: nn.Module,
        counts: Tensor,
        feature_dim: int,
        nets: int = 3,
        hard: float = 0.3,
        mutual: float = 0.6,
        weight: float = 1.0,
        dim: int = 64,
        queue: int = 1024,
        momentum: float = 0.999,
        temperature: float = 0.2,
    ) -> None:
        super().__init__()
        if not (weight >= 0 and temperature > 0):
            raise ValueError(f"weight={weight} must be at least 0 and temperature={temperature} above 0")
        self.nested = NestedCollaborative(net, counts, nets, hard, mutual)
        own: list[Any] = [net, *self.nested.peers]
        self.project = nn.ModuleList(projector(feature_dim, feature_dim, dim, norm=False) for _ in own)
        self.key = nn.ModuleList(KeyEncoder(n.backbone, p, momentum) for n, p in zip(own, self.project))
        self.queue = nn.ModuleList(Queue(queue, dim) for _ in own)
        self.weight, self.temperature = weight, temperature

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        one, two = views_of(x, 2, "NestedContrast")
        logits, contrast = [], []
        parts: Any = zip([net, *self.nested.peers], self.project, self.key, self.queue)
        for learns, project, key, queue in parts:
            features = learns.backbone(one)
            logits.append(learns.head(features))
            key.follow(learns.backbone, project)
            k, (others, _) = key(two), queue.read()
            queue.push(k)
            contrast.append(info_nce(unit(project(features)), k, others, self.temperature))
        terms = self.nested.terms(torch.stack(logits), y)
        return {**terms, "contrast": self.weight * torch.stack(contrast).sum()}
