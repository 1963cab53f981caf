"""Supervised: one stream, one loss, and mixing where the stage asks for it. What almost every recipe trains with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.roles import Reducible

Batch = tuple[Any, Tensor]


class Supervised(nn.Module):
    """``loss(net(x), y)`` on the first stream; with a mixer, ``lam * loss(y_a) + (1 - lam) * loss(y_b)``.

    Args:
        loss: ``(logits [B, C], y [B]) -> scalar``, from the stage.
        mix: ``(x, y, generator) -> (x, y_a, y_b, lam)`` or None, from the stage. With a lam per sample
            ``[B]``, each example's loss is weighed by its own.
    """

    tasks = frozenset({"single-label", "multi-label"})
    reads_logits_only = True
    ignores_progress = True

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
        if y_b is y_a:  # a mixer that changed no label (new images of a class): one loss says it all
            return {"loss": self.loss(logits, y_a)}
        if (
            isinstance(lam, Tensor) and lam.dim()
        ):  # a weight a sample weighs the sample's loss, not the batch's mean
            mixed = lam * per_example(self.loss, logits, y_a) + (1 - lam) * per_example(
                self.loss, logits, y_b
            )
            return {"loss": mixed.mean()}
        return {"loss": lam * self.loss(logits, y_a) + (1 - lam) * self.loss(logits, y_b)}


def per_example(loss: nn.Module, logits: Tensor, y: Tensor) -> Tensor:
    """The loss of each example ``[B]``, whatever the loss's own reduction.

    Raises:
        TypeError: a loss that cannot be left unreduced.
    """
    if not isinstance(loss, Reducible):
        raise TypeError(
            f"a mixer with a lam per sample needs a loss with reduction='none'; {type(loss).__name__} has none"
        )
    kept, loss.reduction = loss.reduction, "none"
    try:
        out: Tensor = loss(logits, y)
        return out
    finally:
        loss.reduction = kept
