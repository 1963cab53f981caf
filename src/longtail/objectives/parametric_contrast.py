"""ParametricContrast: supervised contrast with a queue, in which each class is present by a learnt centre (PaCo).

Paper: Cui et al., "Parametric contrastive learning", ICCV 2021; the loss is ``longtail.losses.PaCo``, which the stage
gives.

| symbol | here |
|---|---|
| centres | the net's own head, on the pooled feature |
| momentum encoder, queue | ``momentum``, ``queue``; the keys are of the second view |
| projection | ``dim``: d, BatchNorm, ReLU, dim |

Tested on the head's logits. Differs from the authors' code in the queue's first labels (-1, random there) and in batches
not being shuffled between devices: on several ranks each contrasts within its share, and the queue holds the first
rank's keys.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.objectives._momentum import KeyEncoder, Queue
from longtail.objectives._views import projector, unit, views_of
from longtail.objectives.supervised import Batch


class ParametricContrast(nn.Module):
    """``loss([q; k; queue], labels, head(f))`` on two views.

    Args:
        loss: ``(embeddings [N, dim], labels [N], class_logits [B, C]) -> scalar``, from the stage.
        net: the stage's net at its start (a fact).
        feature_dim: d (a fact).
        dim, queue, momentum: as on CIFAR-100-LT.
    """

    couples_batch = True
    ignores_progress = True

    def __init__(
        self,
        loss: nn.Module,
        net: nn.Module,
        feature_dim: int,
        dim: int = 32,
        queue: int = 1024,
        momentum: float = 0.999,
    ) -> None:
        super().__init__()
        self.loss, self.project = loss, projector(feature_dim, feature_dim, dim)
        self.key = KeyEncoder(net.backbone, self.project, momentum)  # type: ignore[arg-type]
        self.queue = Queue(queue, dim)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        one, two = views_of(x, 2, "ParametricContrast")
        backbone: nn.Module = net.backbone  # type: ignore[assignment]
        self.key.follow(backbone, self.project)
        f = backbone(one)
        q, k = unit(self.project(f)), self.key(two)
        kept, of = self.queue.read()
        self.queue.push(k, y)
        logits = net.head(f)  # type: ignore[operator]
        return {"loss": self.loss(torch.cat([q, k, kept]), torch.cat([y, y, of]), logits)}
