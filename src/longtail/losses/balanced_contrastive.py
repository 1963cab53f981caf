"""BCL's balanced supervised contrastive loss. Zhu et al., "Balanced Contrastive Learning for Long-Tailed
Visual Recognition", CVPR 2022.

Equation: ``L_i = -(1/|P_i|) sum_{p in P_i} [ a_ip - log sum_{k != i} exp(a_ik) / m_k ]``,
``a_ik = f_i f_k / T``, over the views of the batch and one centre a class; ``m_k`` is the number of items of
k's class, the anchor not counted.

=================  =========================
symbol             argument
=================  =========================
tau                ``temperature``
c_j                ``centers``: unit vectors, one a class (an MLP of the classifier's weights in the paper)
=================  =========================

Use it beside logit-adjusted cross-entropy, when the backbone is trained long and from scratch.

This is the contrastive term alone; the method adds logit-adjusted cross-entropy. Differs from the authors'
code in nothing. It takes ``(features, labels, centers)``, not logits. Contrasts are those of this process's batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.losses._checks import check_finite, check_labels
from longtail.losses._contrast import (
    bounded,
    check_features,
    masked_logsumexp,
    mean_of,
    reduced_anchors,
    similarity,
    without_self,
)  # fmt: skip
from longtail.losses._reduce import Reduction


def balanced_contrastive(
    features: Tensor,
    labels: Tensor,
    centers: Tensor,
    *,
    temperature: float = 0.1,
    reduction: Reduction = "mean",
) -> Tensor:
    """Contrastive loss in which every class has the same weight in the denominator, and is there.

    Args:
        features: unit vectors ``[B, V, D]``, V views of each sample.
        labels: class indices ``[B]``.
        centers: unit vectors ``[C, D]``.
        temperature: of the similarities, > 0.
        reduction: over the V B anchors, view after view: ``"none"``, ``"mean"`` or ``"sum"``.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> f = torch.eye(2).unsqueeze(1)
    >>> loss = balanced_contrastive(f, torch.tensor([0, 1]), torch.eye(2), temperature=1.0)
    >>> round(loss.item(), 4)  # log(e + 1) - 1
    0.3133
    """
    check_finite(temperature=temperature)
    check_features(features, labels, 3, temperature, reduction)
    if centers.dim() != 2 or centers.shape[1] != features.shape[2]:
        raise ValueError(
            f"centers have shape {tuple(centers.shape)}; need [C, {features.shape[2]}], one a class"
        )
    check_labels(labels, len(centers), name="labels")
    views, classes = features.shape[1], len(centers)
    items = bounded(torch.cat([features.transpose(0, 1).flatten(0, 1), centers.to(features.dtype)]))
    y = torch.cat([labels.long().repeat(views), torch.arange(classes, device=labels.device)])
    anchors = len(items) - classes
    s = similarity(items[:anchors], items) / temperature
    others = without_self(anchors, len(items), s.device)
    same = y[:anchors].unsqueeze(1) == y
    number = torch.zeros(classes, dtype=s.dtype, device=s.device).scatter_add_(
        0, y, torch.ones_like(y, dtype=s.dtype)
    )
    peers = (number[y] - same.to(s.dtype)).clamp(min=1)  # 0 for the anchor itself alone, which is masked
    positive = others & same
    loss = masked_logsumexp(s - peers.log(), others) - mean_of(s, positive)
    return reduced_anchors(loss, reduction)


class BalancedContrastive(nn.Module):
    """Balanced contrastive loss; arguments as in :func:`balanced_contrastive`.

    >>> BalancedContrastive()(torch.eye(4).reshape(2, 2, 4), torch.tensor([0, 1]), torch.eye(4)[:2]).shape
    torch.Size([])
    """

    def __init__(self, *, temperature: float = 0.1, reduction: Reduction = "mean") -> None:
        super().__init__()
        check_finite(temperature=temperature)
        self.temperature = temperature
        self.reduction: Reduction = reduction

    def forward(self, features: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        return balanced_contrastive(
            features, labels, centers, temperature=self.temperature, reduction=self.reduction
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: it trains features, not logits."""
        return None
