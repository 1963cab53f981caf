"""Rotation: the backbone learns to tell by how many quarters an image was turned; no label is used (SSP).

Papers: Gidaris et al., "Unsupervised representation learning by predicting image rotations", ICLR 2018; as pre-training
on the long-tailed data themselves, Yang and Xu, "Rethinking the value of labels for improving class-imbalanced
learning", NeurIPS 2020.

| paper | here |
|---|---|
| 0, 90, 180, 270 degrees | ``turned(x, quarters)`` |
| 4-way classifier | a linear head of the objective's own; the net's is left alone |

As in the second paper's code, each image is turned once, by a balanced random assignment in the batch (not shown four
times). Differs from it in nothing else. On several ranks each draws for its own share.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.objectives._views import views_of
from longtail.objectives.supervised import Batch


def turned(x: Tensor, quarters: Tensor) -> Tensor:
    """Each image turned by its own number of quarters, counter-clockwise: ``x [B, C, H, H]``, ``quarters [B]`` in 0..3.

    Raises:
        ValueError: not square images.

    >>> x = torch.tensor([[1, 2], [3, 4]]).expand(2, 1, 2, 2)
    >>> turned(x, torch.tensor([0, 1]))[1, 0].tolist()
    [[2, 4], [1, 3]]
    """
    if not isinstance(x, Tensor) or x.dim() != 4 or x.shape[2] != x.shape[3]:
        what = f"shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(
            f"Rotation turns square images [B, C, H, H], and got {what}; for other data pre-train with "
            "MomentumContrast (recipe ssp-moco), or leave it out"
        )
    every = torch.stack([torch.rot90(x, k, (2, 3)) for k in range(4)], 1)
    return every[torch.arange(len(x), device=x.device), quarters]


class Rotation(nn.Module):
    """Cross-entropy of the four rotations.

    Args:
        feature_dim: d (a fact).
    """

    takes = frozenset({"image"})
    needs = frozenset({"square"})
    couples_batch = True
    ignores_progress = True

    def __init__(self, feature_dim: int) -> None:
        super().__init__()
        self.head = nn.Linear(feature_dim, 4)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        (x,) = views_of(streams[0][0], 1, "Rotation")
        on = generator.device
        quarters = (torch.randperm(len(x), generator=generator, device=on) % 4).to(x.device)
        logits = self.head(net.backbone(turned(x, quarters)))  # type: ignore[operator]
        return {"rotation": F.cross_entropy(logits, quarters)}
