"""EQL v2. Tan et al., "Equalization Loss v2: A New Gradient Balance Approach for Long-Tailed Object
Detection", CVPR 2021.

Equation: ``L_i = sum_c w_c BCE(z_c, t_c)``, positives with ``q_c = 1 + alpha (1 - m(g_c))`` and negatives
with ``r_c = m(g_c)``, ``m(g) = sigmoid(gamma (g - mu))``; ``g_c`` is the positive over the negative gradient
the class has had so far.

=================  =========================
symbol             argument
=================  =========================
alpha, gamma, mu   ``alpha``, ``gamma``, ``mu``
g                  ``ratio``; kept by the module
(objectness)       ``objectness``: the logits are ``[B, C + 1]``, the last for background (label C), always
                   weight 1
=================  =========================

Use it as the sigmoid equalization loss when no frequency threshold is to be chosen: it measures the gradients.

As in the authors' code: the ratio is that of the *previous* calls (100 at the start: weights of about 1), the
sums never decay, and they hold the *weighted* gradients. Differs from it in nothing; without ``objectness`` it
is a plain classifier's loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.losses._binary import (
    Binary,
    BinaryNormalizer,
    binary,
    focal_term,
    gradient_length,
    reduced_binary,
)
from longtail.losses._common import Reduction, Vector, along_classes, per_class, summed_over_ranks


def eql_v2(
    logits: Tensor,
    target: Tensor,
    ratio: Vector,
    *,
    gamma: float = 12.0,
    mu: float = 0.8,
    alpha: float = 4.0,
    objectness: bool = False,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "batch",
    ignore_index: int = -100,
) -> Tensor:
    """Gradient-balanced one-vs-rest cross-entropy.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``; ``[B, C + 1, ...]`` with ``objectness``.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits``.
        ratio: positive over negative gradient of each class so far, ``[C]``.
        gamma, mu: slope and middle of the weight as a function of the ratio.
        alpha: how much more the positives of a class with few of them weigh.
        reduction, normalizer, ignore_index: as in :func:`longtail.losses.sigmoid_focal`.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.

    >>> z, y = torch.zeros(1, 2), torch.tensor([0])
    >>> round(eql_v2(z, y, [100.0, 100.0]).item(), 4), round(eql_v2(z, y, [0.0, 0.0]).item(), 4)
    (1.3863, 3.4656)
    """
    b = binary(logits, target, reduction, ignore_index=ignore_index)
    element = focal_term(b) * _element_weight(b, ratio, gamma, mu, alpha, objectness)
    return reduced_binary(element, b, reduction=reduction, normalizer=normalizer)


@torch.no_grad()
def _element_weight(
    b: Binary, ratio: Vector, gamma: float, mu: float, alpha: float, objectness: bool
) -> Tensor:
    columns = b.logits[:, :-1] if objectness else b.logits
    negative = torch.sigmoid(gamma * (per_class("ratio", ratio, columns) - mu))
    if objectness:
        negative = F.pad(negative, (0, 1), value=1.0)
    negative = along_classes(negative, b.logits)
    positive = 1 + alpha * (1 - negative)
    if b.target.dtype == torch.bool:
        return torch.where(b.target, positive, negative)
    return b.target * positive + (1 - b.target) * negative


class EQLv2(nn.Module):
    """EQL v2; arguments as in :func:`eql_v2`. Gradients are summed over ranks and kept in training mode only.

    Args:
        num_classes: C, without the objectness column.

    >>> loss = EQLv2(num_classes=3)
    >>> loss(torch.zeros(2, 3), torch.tensor([0, 2])).isfinite().item(), loss.ratio[1].item()
    (True, 0.0)
    """

    positive: Tensor
    negative: Tensor
    ratio: Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        gamma: float = 12.0,
        mu: float = 0.8,
        alpha: float = 4.0,
        objectness: bool = False,
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "batch",
        ignore_index: int = -100,
    ) -> None:
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"num_classes={num_classes} must be at least 1")
        self.register_buffer("positive", torch.zeros(num_classes, dtype=torch.float64))
        self.register_buffer("negative", torch.zeros(num_classes, dtype=torch.float64))
        self.register_buffer("ratio", torch.full((num_classes,), 100.0, dtype=torch.float64))
        self.gamma, self.mu, self.alpha, self.objectness = gamma, mu, alpha, objectness
        self.reduction: Reduction = reduction
        self.normalizer: BinaryNormalizer = normalizer
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        b = binary(logits, target, self.reduction, ignore_index=self.ignore_index)
        weight = _element_weight(b, self.ratio, self.gamma, self.mu, self.alpha, self.objectness)
        loss = reduced_binary(focal_term(b) * weight, b, reduction=self.reduction, normalizer=self.normalizer)
        if self.training:
            self._remember(b, weight)
        return loss

    @torch.no_grad()
    def _remember(self, b: Binary, weight: Tensor) -> None:
        length = gradient_length(b) * weight
        if b.valid is not None:
            length = length * b.valid.unsqueeze(1)
        rows = [d for d in range(length.dim()) if d != 1]
        positive = (length * b.target).sum(rows, dtype=torch.float64)
        sums = torch.stack([positive, length.sum(rows, dtype=torch.float64) - positive])
        classes = self.ratio.numel()
        sums = summed_over_ranks(sums[:, :classes].contiguous())
        # New tensors, not the old ones changed: a compiled backward may read the ratio that forward read.
        self.positive, self.negative = self.positive + sums[0], self.negative + sums[1]
        self.ratio = self.positive / (self.negative + 1e-10)

    def logit_prior(self, seen: Tensor) -> Tensor | None:
        """None: C sigmoids are no distribution over the classes."""
        return None
