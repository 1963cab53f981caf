"""Distilled: a student that sees a trained teacher's logits beside the labels (DiVE).

Paper: He et al., "Distilling Virtual Examples for Long-tailed Recognition", ICCV 2021. The maths is the loss's:
:func:`longtail.losses.dive`. The teacher is the recipe's first (``Recipe.teachers``), in evaluation mode on the same
augmented inputs.

Differs from the authors' code in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.net import Net
from longtail.objectives.supervised import Batch


class Distilled(nn.Module):
    """``loss(net(x), y, teacher(x))`` on the first stream.

    Args:
        loss: ``(logits, y, teacher_logits) -> scalar``, from the stage; ``longtail.losses.DiVE``.
        teachers: trained nets (a fact); one.

    Raises:
        ValueError: another number of teachers.
    """

    ignores_progress = True

    def __init__(self, loss: nn.Module, teachers: tuple[Net, ...]) -> None:
        super().__init__()
        if len(teachers) != 1:
            raise ValueError(f"Distilled needs one teacher and has {len(teachers)}: set Recipe.teachers")
        self.loss, self.teachers = loss, teachers  # a tuple: the teacher is none of this module's parameters

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        with torch.no_grad():
            taught = self.teachers[0](x)
        return {"loss": self.loss(net(x), y, taught)}

        return None
