"""DistilledExperts: experts under their own loss, whose mean also follows a net of more experts (RIDE's distillation).

Paper: Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts", ICLR 2021, section 3.4:
``L + weight T^2 KL( softmax(zbar' / T) || softmax(zbar / T) )``, zbar and zbar' the means of the student's experts and
of the teacher's.

| symbol | here |
|---|---|
| L | the stage's loss, ``longtail.losses.RIDE`` |
| teacher | the recipe's first (``Recipe.teachers``), in evaluation mode on the same augmented inputs |
| T | ``temperature`` (1.5) |

Differs from the authors' code in a factor: theirs adds both terms once per expert, which is K times the learning rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.net import Net
from longtail.objectives.diverse import each_expert
from longtail.objectives.supervised import Batch


class DistilledExperts(nn.Module):
    """``loss(expert_logits [B, K, C], y)`` and the distillation of their mean, as two terms.

    Args:
        loss: ``(expert_logits [B, K, C], y [B]) -> scalar``, from the stage.
        teachers: trained nets (a fact); one.
        weight: of the distillation, at least 0; 0 is :class:`longtail.objectives.Diverse`.
        temperature: T > 0.

    Raises:
        ValueError: another number of teachers, or a number out of its range.
    """

    ignores_progress = True

    def __init__(
        self, loss: nn.Module, teachers: tuple[Net, ...], weight: float = 1.0, temperature: float = 1.5
    ) -> None:
        super().__init__()
        if len(teachers) != 1:
            raise ValueError(
                f"DistilledExperts needs one teacher and has {len(teachers)}: set Recipe.teachers"
            )
        if not (weight >= 0 and temperature > 0):
            raise ValueError(f"weight={weight} must be at least 0 and temperature={temperature} above 0")
        self.loss, self.teachers = loss, teachers  # a tuple: the teacher is none of this module's parameters
        self.weight, self.temperature = weight, temperature

    def forward(
        self, net: Any, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        with torch.no_grad():
            log_q = (self.teachers[0](x) / self.temperature).log_softmax(1)
        each = each_expert(net, x, "DistilledExperts")
        log_p = (each.mean(1) / self.temperature).log_softmax(1)
        kl = (log_q.exp() * (log_q - log_p)).sum(1).mean()
        return {"loss": self.loss(each, y), "distilled": self.weight * self.temperature**2 * kl}
