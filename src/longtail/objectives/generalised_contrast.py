"""GeneralisedContrast: parametric contrast without a momentum encoder (GPaCo).

Paper: Cui et al., "Generalized parametric contrastive learning", TPAMI 2023; the loss is ``longtail.losses.PaCo``, which
the stage gives.

| symbol | here |
|---|---|
| centres | the net's own head, on the pooled feature |
| both views | queries and anchors, through the net that learns |
| queue | ``queue``: embeddings of second views of earlier steps, without a gradient |
| projection | ``dim``: d, ReLU, d, ReLU, dim |

Tested on the head's logits. Differs from the authors' code in the queue's first labels (-1, random there), and in the
smoothing of the centres' labels, which there is 0 unless it is asked for and is not here.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.objectives._momentum import Queue
from longtail.objectives._views import unit, views_of
from longtail.objectives.supervised import Batch


class GeneralisedContrast(nn.Module):
    """``loss([q1; q2; queue], labels, [head(f1); head(f2)])`` on two views, both anchors.

    Args:
        loss: ``(embeddings [N, dim], labels [N], class_logits [2 B, C]) -> scalar``, from the stage.
        feature_dim: d (a fact).
        dim, queue: as on CIFAR-100-LT.
    """

    couples_batch = True
    ignores_progress = True

    def __init__(self, loss: nn.Module, feature_dim: int, dim: int = 32, queue: int = 1024) -> None:
        super().__init__()
        self.loss, self.queue = loss, Queue(queue, dim)
        d = feature_dim
        self.project = nn.Sequential(
            nn.Linear(d, d), nn.ReLU(), nn.Linear(d, d), nn.ReLU(), nn.Linear(d, dim)
        )

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        features = [net.backbone(view) for view in views_of(x, 2, "GeneralisedContrast")]  # type: ignore[operator]
        one, two = (unit(self.project(f)) for f in features)
        kept, of = self.queue.read()
        self.queue.push(two.detach(), y)
        logits = net.head(torch.cat(features))  # type: ignore[operator]
        return {"loss": self.loss(torch.cat([one, two, kept]), torch.cat([y, y, of]), logits)}
