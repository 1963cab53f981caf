"""Bilateral: two streams through two branches, mixed by a weight that moves from the first to the second
(BBN).

Paper: Zhou et al., "BBN: Bilateral-Branch Network with Cumulative Learning for Long-Tailed Visual
Recognition", CVPR 2020, equations 1 to 4.

| symbol | here |
|---|---|
| alpha = 1 - (T / T_max)^2 | ``cumulative(t)`` |
| x_c, x_r | first and second stream: as the data come, and reversed |

Differs from the authors' code in the schedule: there alpha is constant over an epoch and runs of 90 or 180
epochs divide by 100 or 200, so that it never comes near 0; ``released_epochs`` reproduces both. Both losses
are on the same mixed logits, as there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from longtail.objectives.supervised import Batch


def cumulative(t: float, released_epochs: int | None = None) -> float:
    """The weight of the first branch at progress ``t`` in [0, 1].

    Args:
        t: progress.
        released_epochs: length of the run in epochs, for the released schedule.

    >>> cumulative(0.0), cumulative(0.5), cumulative(1.0)
    (1.0, 0.75, 0.0)
    """
    if released_epochs is None:
        return 1 - t**2
    over = 100 * (released_epochs // 100 + 1) if released_epochs in (90, 180) else released_epochs
    return 1 - (int(t * released_epochs + 1e-9) / over) ** 2


class Bilateral(nn.Module):
    """``alpha loss(z, y_c) + (1 - alpha) loss(z, y_r)`` on logits mixed from both streams.

    The net's head must have ``mixed(features, rebalanced, alpha)``, as ``longtail.heads.TwoBranch`` has.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        released_epochs: see ``cumulative``.
    """

    def __init__(self, loss: nn.Module, released_epochs: int | None = None) -> None:
        super().__init__()
        self.loss, self.released_epochs = loss, released_epochs

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        if len(streams) != 2:
            raise ValueError(f"Bilateral needs two streams, and the stage has {len(streams)}")
        (x_c, y_c), (x_r, y_r) = streams
        alpha = cumulative(t, self.released_epochs)
        logits = net.head.mixed(net.backbone(x_c), net.backbone(x_r), alpha)  # type: ignore[union-attr,operator]
        return {
            "conventional": alpha * self.loss(logits, y_c),
            "rebalancing": (1 - alpha) * self.loss(logits, y_r),
        }
