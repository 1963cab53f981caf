"""Routing: teach a router after how many experts to stop (RIDE's second stage).

Paper: Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts", ICLR 2021, section 3.3:
binary cross-entropy on r_k, the target 1 where the mean of the first k experts is wrong and that of a later one right.

| symbol | here |
|---|---|
| zbar_k, r_k | ``net.head.all(features)``, as ``longtail.heads.Routed`` has |
| omega_on (100) | ``positive``: weight of a target 1 |

Differs from the authors' code in nothing: the mean over the K - 1 decisions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.objectives.supervised import Batch
from longtail.roles import HasRouters


def would_help(means: Tensor, y: Tensor) -> Tensor:
    """Is the mean of the first k experts wrong and that of more right? ``means [B, K, C]``, ``y [B]`` -> ``[B, K - 1]``.

    >>> means = torch.tensor([[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]])
    >>> would_help(means, torch.tensor([0])).tolist(), would_help(means, torch.tensor([1])).tolist()
    ([[True, False]], [[False, True]])
    """
    right = means.argmax(-1) == y[:, None]
    later = right.flip(1).cummax(1).values.flip(1)[:, 1:]
    return ~right[:, :-1] & later


class Routing(nn.Module):
    """Binary cross-entropy of a ``longtail.heads.Routed`` head's decisions; the experts learn nothing from it.

    Args:
        positive: weight of a decision that should go on, > 0.

    Raises:
        ValueError: ``positive`` is not above 0.
        TypeError: in training: a head without a router.
    """

    positive: Tensor

    ignores_progress = True

    def __init__(self, positive: float = 100.0) -> None:
        super().__init__()
        if not positive > 0:
            raise ValueError(f"positive={positive} must be above 0")
        self.register_buffer("positive", torch.tensor(float(positive)), persistent=False)

    def forward(
        self, net: Any, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        if not isinstance(net.head, HasRouters):
            raise TypeError(
                f"Routing needs a head with routers and the net has {type(net.head).__name__}: put "
                "part(AddRouters) into the stage's surgery"
            )
        means, r = net.head.all(net.backbone(x))
        target = would_help(means, y).to(r.dtype)
        return {"routing": F.binary_cross_entropy_with_logits(r, target, pos_weight=self.positive)}

        return None
