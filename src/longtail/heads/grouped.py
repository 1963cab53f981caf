"""Grouped: classes of similar frequency compete among themselves and against one "others" logit (BAGS).

Source: Li et al., "Overcoming Classifier Imbalance for Long-Tail Object Detection with Balanced Group
Softmax", CVPR 2020. Group g holds the classes with ``edges[g-1] <= n_j < edges[g]`` and has one more logit,
"others", first.

| symbol | here |
|---|---|
| n_j | ``counts`` |
| 10, 100, 1000 | ``edges`` |
| the logits of all groups, one after another ``[B, C + G]`` | what the head returns in training mode |

Differs from the authors' code in group 0 (background, foreground), which only detection needs, and is left
out. In eval mode the head returns log scores ``[B, C]``: the logarithm of each class's probability inside
its group. They order the classes as the paper's scores do; their softmax is the scores divided by their sum.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.by_class import by_class
from longtail.part import Part, part


def group_slots(counts: Tensor, edges: tuple[float, ...]) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """Where things are in the group logits: each class's column ``[C]``, each class's group ``[C]``, group
    widths.

    >>> column, group, widths = group_slots(torch.tensor([500, 5, 50, 8]), (10, 100))
    >>> column.tolist(), group.tolist(), widths
    ([6, 1, 4, 2], [2, 0, 1, 0], (3, 2, 2))
    """
    group = torch.bucketize(counts.double(), torch.tensor(edges, dtype=torch.float64), right=True)
    column = torch.empty_like(group)
    widths, start = [], 0
    for g in range(len(edges) + 1):
        members = (group == g).nonzero().flatten()
        column[members] = start + 1 + torch.arange(len(members))
        widths.append(len(members) + 1)
        start += len(members) + 1
    return column, group, tuple(widths)


def group_scores(logits: Tensor, column: Tensor, widths: tuple[int, ...]) -> Tensor:
    """Log probability of each class inside its group: group logits ``[B, C + G]`` -> ``[B, C]``.

    >>> scores = group_scores(torch.zeros(1, 5), torch.tensor([1, 2, 4]), (3, 2))
    >>> scores.exp().allclose(torch.tensor([1 / 3, 1 / 3, 1 / 2]))
    True
    """
    return torch.cat([z.log_softmax(-1) for z in logits.split(widths, -1)], -1)[..., column]


class Grouped(nn.Module):
    """``features [B, d] -> group logits [B, C + G]`` in training, log scores ``[B, C]`` in eval mode.

    Args:
        feature_dim: d (a fact).
        num_classes: C (a fact).
        counts: training examples per class ``[C]`` (a fact).
        edges: group boundaries, increasing.

    Raises:
        ValueError: ``edges`` do not increase, or ``counts`` has another length than C.
    """

    column: Tensor

    def __init__(
        self,
        feature_dim: int,
        num_classes: int,
        counts: Tensor | tuple[int, ...],
        edges: tuple[float, ...] = (10, 100, 1000),
    ) -> None:
        super().__init__()
        n = torch.as_tensor(by_class("counts", counts))
        if list(edges) != sorted(set(edges)):
            raise ValueError(f"edges={edges} must increase")
        if n.shape != (num_classes,):
            raise ValueError(
                f"counts has shape {tuple(n.shape)}; expected one number for each of {num_classes} classes"
            )
        self.in_features, self.out_features, self.edges = feature_dim, num_classes, tuple(edges)
        column, _, self.widths = group_slots(n.cpu(), self.edges)
        self.register_buffer("column", column)
        self.linear = nn.Linear(feature_dim, sum(self.widths))
        self.spec: Part[Any] = part(
            Grouped,
            feature_dim=feature_dim,
            num_classes=num_classes,
            counts=tuple(n.tolist()),
            edges=self.edges,
        )

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features)
        return logits if self.training else group_scores(logits, self.column, self.widths)
