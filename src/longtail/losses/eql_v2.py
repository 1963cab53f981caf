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
    focal_rows,
    gradient_length,
    reduced_binary,
)
from longtail.losses._checks import Vector, check_finite, per_class
from longtail.losses._fused import blocks
from longtail.losses._reduce import Reduction, summed_over_ranks


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
    ignore_index: float = -100,
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
    check_finite(gamma=gamma, mu=mu, alpha=alpha)
    b = binary(logits, target, reduction, ignore_index=ignore_index)
    rows = focal_rows(b, *_factors(b, ratio, gamma, mu, alpha, objectness))
    return reduced_binary(rows, b, reduction=reduction, normalizer=normalizer)


@torch.no_grad()
def _factors(
    b: Binary, ratio: Vector, gamma: float, mu: float, alpha: float, objectness: bool
) -> tuple[Tensor, Tensor]:
    """Of positives and of negatives, each ``[C]`` (or ``[C + 1]``)."""
    columns = b.logits[:, :-1] if objectness else b.logits
    negative = torch.sigmoid(gamma * (per_class("ratio", ratio, columns) - mu))
    if objectness:
        negative = F.pad(negative, (0, 1), value=1.0)
    return 1 + alpha * (1 - negative), negative


def _lengths(b: Binary) -> Tensor:
    """Gradient lengths summed by class, of the positives and of all, float64 ``[2, C]``."""
    length = gradient_length(b)
    counted = b.elements()
    if counted is not None:
        length = length * counted
    if b.label is not None and not torch.compiler.is_compiling():
        zero = torch.zeros(length.shape[1], dtype=torch.float64, device=length.device)
        up = zero.scatter_add(0, b.label.flatten(), length.gather(1, b.label).flatten().double())
    else:
        up = _by_class(torch.where(b.is_label(), length, 0.0) if b.soft is None else length * b.soft)
    return torch.stack([up, _by_class(length)])


def _by_class(x: Tensor) -> Tensor:
    return x.sum([d for d in range(x.dim()) if d != 1]).double()


class EQLv2(nn.Module):
    """EQL v2; arguments as in :func:`eql_v2`. Gradients are summed over ranks and kept in training mode only.

    Args:
        num_classes: C, without the objectness column.

    >>> loss = EQLv2(num_classes=3)
    >>> loss(torch.zeros(2, 3), torch.tensor([0, 2])).isfinite().item(), loss.ratio[1].item()
    (True, 0.0)
    """

    tasks = frozenset({"single-label", "multi-label"})

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
        ignore_index: float = -100,
    ) -> None:
        super().__init__()
        check_finite(gamma=gamma, mu=mu, alpha=alpha)
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
        positive, negative = _factors(b, self.ratio, self.gamma, self.mu, self.alpha, self.objectness)
        rows = focal_rows(b, positive, negative)
        if self.training:
            self._remember(b, positive, negative)
        return reduced_binary(rows, b, reduction=self.reduction, normalizer=self.normalizer)

    @torch.no_grad()
    def _remember(self, b: Binary, positive: Tensor, negative: Tensor) -> None:
        of_blocks = [_lengths(b.of(rows)) for rows in blocks(b.logits)]
        up, total = torch.stack(of_blocks).sum(0)
        sums = torch.stack([positive * up, negative * (total - up).clamp_min(0)])
        sums = summed_over_ranks(sums[:, : self.ratio.numel()].contiguous())
        # New tensors, not the old ones changed: a compiled backward may read the ratio that forward read.
        self.positive, self.negative = self.positive + sums[0], self.negative + sums[1]
        self.ratio = self.positive / (self.negative + 1e-10)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: C sigmoids are no distribution over the classes."""
        return None
