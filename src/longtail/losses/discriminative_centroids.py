"""Discriminative centroid loss. Liu et al., "Large-Scale Long-Tailed Recognition in an Open World" (OLTR),
CVPR 2019.

Equation: ``L = (1/2B) sum_i |f_i - c_{y_i}|^2 + lambda max(0, m - (1/BC) sum_{i, j != y_i} |f_i - c_j|^2)``.

=================  =========================
symbol             argument
=================  =========================
c_j                ``centroids``, learnt; whoever trains them owns them
lambda             ``repel``
m                  ``margin``
=================  =========================

Use it with a memory head, for open-set recognition: features gather around centroids that can be far from all.

Differs from the authors' code in the centroids' gradient, which theirs writes by hand:
``sum_i (c_j - f_i) / (B (1 + n_j))`` for n_j samples of the class in the batch.
``centroid_gradient="authors"`` gives that; the default is the equation's own. Theirs also ignores the factor
(.01) the total is multiplied by: give the centroids that learning rate. It takes
``(features, labels, centroids)``, not logits.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from longtail.losses._checks import check_finite, check_labels
from longtail.losses._contrast import bounded, check_features, similarity

CentroidGradient = Literal["exact", "authors"]


def discriminative_centroids(
    features: Tensor,
    labels: Tensor,
    centroids: Tensor,
    *,
    repel: float = 0.01,
    margin: float = 10.0,
    centroid_gradient: CentroidGradient = "exact",
) -> Tensor:
    """Attraction to the own centroid and repulsion from the others: a scalar (the hinge is of a batch mean).

    Args:
        features: ``[B, D]``.
        labels: class indices ``[B]``.
        centroids: ``[C, D]``.
        repel: weight of the repulsion.
        margin: mean squared distance beyond which nothing is repelled.
        centroid_gradient: ``"exact"``, or ``"authors"`` for the attraction's gradient of the original code.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.

    >>> f, c = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0], [3.0, 0.0]])
    >>> round(discriminative_centroids(f, torch.tensor([0]), c, repel=1.0).item(), 4)  # 1/2 + (10 - 4/2)
    8.5
    """
    check_finite(repel=repel, margin=margin)
    check_features(features, labels, 2, 1.0, "mean")
    if centroids.dim() != 2 or centroids.shape[1] != features.shape[1]:
        raise ValueError(
            f"centroids have shape {tuple(centroids.shape)}; need [C, {features.shape[1]}], one a class"
        )
    if centroid_gradient not in ("exact", "authors"):
        raise ValueError(f"centroid_gradient={centroid_gradient!r} is unknown; choose 'exact' or 'authors'")
    check_labels(labels, len(centroids), name="labels")
    f, c, y = bounded(features), bounded(centroids), labels.long()
    batch = max(len(f), 1)
    if centroid_gradient == "exact":
        attraction = (f - c[y]).square().sum() / (2 * batch)
    else:
        number = torch.zeros(len(c), dtype=c.dtype, device=c.device).scatter_add_(
            0, y, torch.ones_like(f[:, 0])
        )
        moving = ((f.detach() - c[y]).square().sum(1) / (1 + number[y])).sum() / (2 * batch)
        attraction = (f - c[y].detach()).square().sum() / (2 * batch) + moving - moving.detach()
    square = f.square().sum(1, keepdim=True) + c.square().sum(1) - 2 * similarity(f, c)
    own = torch.arange(len(c), device=c.device) == y.unsqueeze(1)
    distance = square.masked_fill(own, 0.0).sum() / (batch * len(c))
    if not len(f):  # nobody to repel
        margin = 0.0
    return attraction + repel * torch.relu(margin - distance)


class DiscriminativeCentroids(nn.Module):
    """Discriminative centroid loss; arguments as in :func:`discriminative_centroids`.

    >>> DiscriminativeCentroids()(torch.eye(3), torch.tensor([0, 1, 2]), torch.zeros(3, 3)).shape
    torch.Size([])
    """

    def __init__(
        self, *, repel: float = 0.01, margin: float = 10.0, centroid_gradient: CentroidGradient = "exact"
    ) -> None:
        super().__init__()
        check_finite(repel=repel, margin=margin)
        self.repel, self.margin = repel, margin
        self.centroid_gradient: CentroidGradient = centroid_gradient

    def forward(self, features: Tensor, labels: Tensor, centroids: Tensor) -> Tensor:
        return discriminative_centroids(
            features,
            labels,
            centroids,
            repel=self.repel,
            margin=self.margin,
            centroid_gradient=self.centroid_gradient,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: it trains features, not logits."""
        return None
