"""Clouded: the features of narrow classes are spread into clouds before they are classified (LEAP).

Paper: Liu et al., "Deep Representation Learning on Long-tailed Data: A Learnable Embedding Augmentation Perspective",
CVPR 2020. The maths is the cloud's: ``longtail.augment.FeatureCloud``.

| symbol | here |
|---|---|
| feature cloud | ``cloud`` |
| first phase, in which angles mean little yet | ``start`` |

No code was published. Centres and angles are followed from the beginning, so that they are known when clouds begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.objectives.supervised import Batch


class Clouded(nn.Module):
    """``loss(net.head(cloud(net.backbone(x), y)), y)`` on the first stream; without clouds before ``start``.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        cloud: ``(features [B, d], y [B], generator) -> features``, with ``update(features, y)``.
        start: progress in [0, 1) at which clouds begin.

    Raises:
        ValueError: ``start`` outside [0, 1).
    """

    couples_batch = True  # centres and angles are of the batches seen, and the clouds are drawn

    def __init__(self, loss: nn.Module, cloud: nn.Module, start: float = 0.2) -> None:
        super().__init__()
        if not 0 <= start < 1:
            raise ValueError(f"start={start} must lie in [0, 1): a share of the stage")
        self.loss, self.cloud, self.start = loss, cloud, start

    def forward(
        self, net: Any, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        features = net.backbone(x)
        if t >= self.start:
            features = self.cloud(features, y, generator)
        else:
            self.cloud.update(features, y)  # type: ignore[operator]
        return {"loss": self.loss(net.head(features), y)}

        return None
