"""Diverse: one loss on the logits of all experts at once (RIDE).

Paper: Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts", ICLR 2021, equations 3 to 5.
The maths is the loss's: :func:`longtail.losses.ride`.

| symbol | here |
|---|---|
| the experts' logits | ``net.head.each(features)`` ``[B, K, C]``, as ``longtail.heads.Experts`` has |

Differs from the authors' code in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.objectives.supervised import Batch
from longtail.roles import HasExperts


def each_expert(net: Any, x: Any, objective: str) -> Tensor:
    """Logits of every expert ``[B, K, C]``.

    Raises:
        TypeError: the head has no experts.
    """
    if not isinstance(net.head, HasExperts):
        raise TypeError(
            f"{objective} needs a head with experts and the stage's net has {type(net.head).__name__}: "
            "put part(AddExperts) into the stage's surgery"
        )
    logits: Tensor = net.head.each(net.backbone(x))
    return logits


class Diverse(nn.Module):
    """``loss(expert_logits [B, K, C], y)`` on the first stream.

    Args:
        loss: ``(expert_logits [B, K, C], y [B]) -> scalar``, from the stage; ``longtail.losses.RIDE``.
    """

    ignores_progress = True

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        return {"loss": self.loss(each_expert(net, x, "Diverse"), y)}

        return None
