"""Memorised: classification through a memory of class centroids, and a loss that keeps features near them (OLTR).

Paper: Liu et al., "Large-Scale Long-Tailed Recognition in an Open World", CVPR 2019: ``L = CE(z, y) + lambda L_f``, z of
the memory head and L_f the discriminative centroid loss (:func:`longtail.losses.discriminative_centroids`).

| symbol | here |
|---|---|
| lambda (.01) | ``weight`` |
| c_j | ``net.head.centroids``, as ``longtail.heads.Memory`` has; only L_f trains them |

Differs from the paper, as the authors' code does, in the gradient of the centroids, which ignores lambda
(``centroid_rate=1``; lambda itself gives the plain gradient): there the centroids have an optimiser of their own, whose
learning rate is that of the backbone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.objectives.supervised import Batch
from longtail.roles import tensor_of


class Memorised(nn.Module):
    """``loss(net(x), y)`` and ``weight * centroids(features, y, net.head.centroids)``, as two terms.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        centroids: ``(features [B, d], y [B], centroids [C, d]) -> scalar``.
        weight: lambda of the second term.
        centroid_rate: factor of the centroids' gradient, in place of ``weight``.

    Raises:
        ValueError: a negative number.
        TypeError: in training: a head without centroids.
    """

    couples_batch = True  # the repulsion is a hinge on the batch's mean distance
    ignores_progress = True

    def __init__(
        self, loss: nn.Module, centroids: nn.Module, weight: float = 0.01, centroid_rate: float = 1.0
    ) -> None:
        super().__init__()
        if weight < 0 or centroid_rate < 0:
            raise ValueError(f"weight={weight} and centroid_rate={centroid_rate} must not be negative")
        self.loss, self.centroids, self.weight, self.centroid_rate = loss, centroids, weight, centroid_rate

    def forward(
        self, net: Any, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        memory = tensor_of(net.head, "centroids")
        if memory is None:
            raise TypeError(
                f"Memorised needs a head with centroids and the net has {type(net.head).__name__}: put "
                "part(AddMemory) into the stage's surgery"
            )
        features = net.backbone(x)
        near = self.weight * self.centroids(features, y, memory.detach())
        moving = self.centroid_rate * self.centroids(features.detach(), y, memory)
        return {
            "classification": self.loss(net.head(features), y),
            "centroids": near + moving - moving.detach(),
        }

        return None
