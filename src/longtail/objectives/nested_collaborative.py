"""NestedCollaborative: several nets learn side by side and from each other, on all classes and on the hardest ones (NCL).

Paper: Li et al., "Nested collaborative learning for long-tailed visual recognition", CVPR 2022.

``sum_k [ loss(z_k, y) + loss_H(z_k, y) ] + weight [ D(z') + D_H(z') ]``, with ``z' = z + log n`` and
``D = 1 / (K - 1) sum_{i != j} KL(p_j || p_i)``.

| symbol | here |
|---|---|
| K | ``nets``, the stage's net one of them; the others live here and are not kept |
| balanced softmax | ``z' = z + log counts`` in every term |
| hard categories, H | the true class and those of largest logit of the stage's net, ``hard`` of all classes |
| weight of the distillation | ``weight`` (0.6) |

Tested on the stage's net alone ("single"), at the cost of one net. Differs from the authors' code in the hard terms: a
softmax over H alone, as in the paper, where the code multiplies the other logits by 0 and leaves them in; and in having
no momentum contrast beside: ``NestedContrast`` has.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.objectives._views import views_of
from longtail.objectives.supervised import Batch
from longtail.roles import StartsAgain, spec_of


def mutual(logits: Tensor) -> Tensor:
    """``1 / (K - 1) sum_{i != j} KL(p_j || p_i)`` of ``logits [K, B, C]``, the mean over the batch; gradients both ways.

    >>> float(mutual(torch.randn(1, 4, 3).expand(3, 4, 3)).abs() < 1e-6)
    1.0
    """
    log_p = logits.log_softmax(-1)
    p, k = log_p.exp(), len(logits)
    # sum over i, j of sum_c p_j (log p_j - log p_i); i = j adds nothing.
    total = k * (p * log_p).sum() - (p.sum(0) * log_p.sum(0)).sum()
    return total / (max(k - 1, 1) * logits.shape[1])


class NestedCollaborative(nn.Module):
    """K nets on one batch.

    Args:
        net: the stage's net (a fact).
        counts: training examples a class (a fact).
        nets: K >= 2.
        hard: share of the classes that count as hard, in (0, 1].
        weight: of the distillation.

    Raises:
        ValueError: a number out of its range.
    """

    log_counts: Tensor

    ignores_progress = True

    def __init__(
        self, net: nn.Module, counts: Tensor, nets: int = 3, hard: float = 0.3, weight: float = 0.6
    ) -> None:
        super().__init__()
        if nets < 2 or not 0 < hard <= 1:
            raise ValueError(f"nets={nets} must be at least 2 and hard={hard} lie in (0, 1]")
        self.peers = nn.ModuleList(_fresh(net) for _ in range(nets - 1))
        self.number, self.weight = max(2, round(hard * len(counts))), weight
        self.register_buffer("log_counts", counts.clamp(min=1).float().log(), persistent=False)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        (x,) = views_of(x, 1, "NestedCollaborative")
        return self.terms(torch.stack([net(x), *(peer(x) for peer in self.peers)]), y)

    def terms(self, raw: Tensor, y: Tensor) -> dict[str, Tensor]:
        """The terms of all nets' logits ``raw [K, B, C]``, the stage's net first."""
        z = raw + self.log_counts.to(raw.dtype)
        chosen = (
            raw[0].detach().scatter(1, y[:, None], torch.inf).topk(self.number, 1).indices
        )  # the true class first
        hard = z.gather(2, chosen.expand(len(z), -1, -1))
        true = torch.zeros_like(y)
        return {
            "all": sum((F.cross_entropy(k, y) for k in z), z.new_zeros(())),
            "hard": sum((F.cross_entropy(k, true) for k in hard), z.new_zeros(())),
            "mutual": self.weight * (mutual(z) + mutual(hard)),
        }


def _fresh(net: nn.Module) -> nn.Module:
    """The same net with other initial weights."""

    def module(of: nn.Module) -> nn.Module:
        spec = spec_of(of)
        if spec is not None:
            made: nn.Module = spec.build()
            return made
        other = copy.deepcopy(of)
        for m in other.modules():
            if isinstance(m, StartsAgain):
                m.reset_parameters()
        return other

    parts: Any = net
    return type(parts)(module(parts.backbone), module(parts.head)).requires_grad_(True)
