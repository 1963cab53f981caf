"""Hybrid: features learn from contrast on the data as they come, the head from balanced batches, and the weight moves
from the first to the second (Hybrid-SC, Hybrid-PSC).

Paper: Wang et al., "Contrastive learning based hybrid networks for long-tailed image classification", CVPR 2021,
equations 1 to 7: ``L = alpha L_con(B_con) + (1 - alpha) L_CE(B_CE)``, ``alpha = 1 - (T / T_max)^2``.

| symbol | here |
|---|---|
| alpha | ``cumulative(t)``, BBN's parabola |
| L_con | ``contrast``: ``part(SupCon)``, or ``part(PrototypicalSupCon)`` with ``prototypes=True`` |
| p_j | ``prototypes [C, dim]``, learnt here, of norm 1 in the loss |
| B_con, B_CE | first and second stream, two views each; the second's first view is classified |
| projection | ``dim``, one hidden layer as wide as the features |

With prototypes a batch is compared with C of them and not with itself: memory B x C, not B^2.

Differs from the authors' code: none is known. On several ranks each contrasts within its share of the batch; prototypes
have no such limit.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.objectives._views import encode, projector, unit, views_of
from longtail.objectives.bilateral import cumulative
from longtail.objectives.supervised import Batch


class Hybrid(nn.Module):
    """``alpha contrast + (1 - alpha) loss``, on two streams.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        contrast: ``(embeddings [B, V, dim], y) -> scalar``; with prototypes ``(embeddings [B V, dim], y, prototypes)``.
        feature_dim, num_classes: d and C (facts).
        dim: of the embeddings.
        prototypes: learn one embedding a class for ``contrast``.
    """

    couples_batch = True

    def __init__(
        self,
        loss: nn.Module,
        contrast: nn.Module,
        feature_dim: int,
        num_classes: int,
        dim: int = 128,
        prototypes: bool = False,
    ) -> None:
        super().__init__()
        self.loss, self.contrast = loss, contrast
        self.project = projector(feature_dim, feature_dim, dim, norm=False)
        self.prototypes = nn.Parameter(unit(torch.randn(num_classes, dim))) if prototypes else None

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        if len(streams) != 2:
            raise ValueError(f"Hybrid needs two streams, and the stage has {len(streams)}")
        (x_con, y_con), (x_cls, y_cls) = streams
        backbone: nn.Module = net.backbone  # type: ignore[assignment]
        alpha = cumulative(t)
        views = encode(backbone, views_of(x_con, 2, "Hybrid"))
        z = torch.stack([unit(self.project(f)) for f in views], 1)
        if self.prototypes is None:
            contrast = self.contrast(z, y_con)
        else:
            contrast = self.contrast(z.flatten(0, 1), y_con.repeat_interleave(2), unit(self.prototypes))
        (x,) = views_of(x_cls, 1, "Hybrid")
        return {"contrast": alpha * contrast, "classes": (1 - alpha) * self.loss(net(x), y_cls)}
