"""WithFeatures: one stream, and a loss that is also given what the head was fed, where it asks for that.

For losses that declare ``reads_features``, such as ``longtail.losses.InfluenceBalanced`` (Park et al., ICCV 2021). Any
other is given the logits alone, so that a stage may go from one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.objectives.supervised import Batch


class WithFeatures(nn.Module):
    """``loss(net.head(f), y, f)`` with ``f = net.backbone(x)``, or without f for a loss that reads no features.

    Args:
        loss: ``(logits [B, C], y [B], features [B, d]) -> scalar``, from the stage.
    """

    ignores_progress = True

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(
        self, net: Any, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        features = net.backbone(x)
        given = (features,) if getattr(self.loss, "reads_features", False) else ()
        return {"loss": self.loss(net.head(features), y, *given)}
