"""Supervised: one stream, one loss, and mixing where the stage asks for it. What almost every recipe trains with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Batch = tuple[Any, Tensor]


class Supervised(nn.Module):
    """``loss(net(x), y)`` on the first stream; with a mixer, ``lam * loss(y_a) + (1 - lam) * loss(y_b)``.

    Args:
        loss: ``(logits [B, C], y [B]) -> scalar``, from the stage.
        mix: ``(x, y, generator) -> (x, y_a, y_b, lam)`` or None, from the stage. A lam per sample ``[B]`` needs a loss
            that takes ``reduction="none"``.
    """

    reads_logits_only = True

    def __init__(self, loss: nn.Module, mix: Callable[..., Any] | None = None) -> None:
        super().__init__()
        self.loss, self.mix = loss, mix

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        if self.mix is None:
            return {"loss": self.loss(net(x), y)}
        x, y_a, y_b, lam = self.mix(x, y, generator)
        logits = net(x)
        return {"loss": (lam * self.loss(logits, y_a) + (1 - lam) * self.loss(logits, y_b)).mean()}
