"""Label-aware smoothing. Zhong et al., "Improving Calibration for Long-Tailed Recognition" (MiSLAS), CVPR
2021.

Equation: ``L_i = -(1 - eps_y) log p_y - eps_y / (C - 1) sum_{j != y} log p_j``; eps_j grows with the class
count, through ``u = (n_j - n_min) / (n_max - n_min)``:

- concave ``tail + (head - tail) sin(pi u / 2)``, linear ``tail + (head - tail) u``,
- convex ``head + (head - tail) sin(3 pi / 2 + pi u / 2)``, power ``tail + (head - tail) u^power``.

=================  =========================
symbol             argument
=================  =========================
n_j                ``counts``
epsilon_1          ``head``: of the largest class
epsilon_K          ``tail``: of the rarest class
f (shape)          ``shape``, and ``power``
=================  =========================

Use it in the second stage of decoupled training (head only, class-balanced stream) for better calibrated head
classes.

Differs from the authors' code in where the mass goes: theirs spreads eps / C over *all* classes, the
label's own too (``spread="all"``); the paper spreads it over the others (``spread="others"``, the default).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import (
    Vector,
    along_classes,
    check,
    check_finite,
    check_labels,
    frequency,
    per_class,
    warn_if_batch,
    wide,
)
from longtail.losses._module import ClassLoss
from longtail.losses._odds import nll
from longtail.losses._reduce import Normalizer, Reduction, expected_weight, reduced, reduced_soft

Shape = Literal["concave", "linear", "convex", "power"]


def smoothing_per_class(
    counts: Tensor, *, head: float = 0.3, tail: float = 0.0, shape: Shape = "concave", power: float = 2.0
) -> Tensor:
    """The smoothing of each class ``[C]``. With equal counts every class is a head class.

    Raises:
        ValueError: an unknown shape.

    >>> import torch
    >>> smoothing_per_class(torch.tensor([9.0, 5.0, 1.0]), head=0.5, tail=0.25, shape="linear").tolist()
    [0.5, 0.375, 0.25]
    """
    n = floored(counts)
    width = n.amax() - n.amin()
    u = torch.where(width > 0, (n - n.amin()) / torch.where(width > 0, width, 1.0), 1.0)
    if shape == "concave":
        return tail + (head - tail) * torch.sin(u * math.pi / 2)
    if shape == "linear":
        return tail + (head - tail) * u
    if shape == "convex":
        return head + (head - tail) * torch.sin(1.5 * math.pi + u * math.pi / 2)
    if shape == "power":
        return tail + (head - tail) * u**power
    raise ValueError(f"shape={shape!r} is unknown; choose 'concave', 'linear', 'convex' or 'power'")


def label_aware_smoothing(
    logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    head: float = 0.3,
    tail: float = 0.0,
    shape: Shape = "concave",
    power: float = 2.0,
    spread: Literal["others", "all"] = "others",
    weight: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
) -> Tensor:
    """Cross-entropy with more label smoothing for larger classes.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities ``q`` like ``logits``: the loss averaged
            over ``q``.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        head: smoothing of the largest class; with ``head=tail=0`` this is cross-entropy.
        tail: smoothing of the rarest class.
        shape: how the smoothing grows with the count.
        power: exponent of ``shape="power"``.
        spread: which classes share the mass.
        weight, reduction, normalizer, ignore_index: as in :func:`longtail.losses.cross_entropy`; the weight
            is the label's.

    Raises:
        ValueError: head or tail outside [0, 1], an unknown shape or spread, shapes that do not fit.

    >>> import torch
    >>> z, n = torch.tensor([[2.0, 0.0]]), torch.tensor([9, 1])
    >>> [round(label_aware_smoothing(z, torch.tensor([y]), n, head=0.25).item(), 4) for y in (0, 1)]
    [0.6269, 2.1269]
    """
    check_finite(head=head, tail=tail, power=power)
    soft = check(logits, target, reduction)
    if not (0 <= head <= 1 and 0 <= tail <= 1):
        raise ValueError(
            f"head={head} and tail={tail} must lie in [0, 1]: they are shares of the label's mass"
        )
    if spread not in ("others", "all"):
        raise ValueError(
            f"spread={spread!r} is unknown; choose 'others' (the paper) or 'all' (the authors' code)"
        )
    n = frequency(counts, prior, logits)
    eps = smoothing_per_class(n, head=head, tail=tail, shape=shape, power=power)
    c = logits.shape[1]
    if spread == "others":
        eps = (
            eps * c / (c - 1)
        )  # 1 - eps on the label, eps / (C - 1) elsewhere, as a mixture with the uniform
    w = None if weight is None else per_class("weight", weight, logits)
    if soft:
        log_p = torch.log_softmax(wide(logits), 1)
        q = target.to(log_p.dtype) * (along_classes(w, log_p) if w is not None else 1.0)
        share = (q * along_classes(eps, log_p)).sum(1, keepdim=True)
        smooth = q * (1 - along_classes(eps, log_p)) + share / c
        return reduced_soft(
            -(smooth * log_p).sum(1), reduction, expected_weight(normalizer, w, counts, prior, logits)
        )
    check_labels(target, c, ignore_index)
    y = torch.where(target == ignore_index, 0, target).long()
    loss = nll(logits, target, smoothing=eps[y], ignore_index=ignore_index)
    return reduced(
        loss,
        target,
        weight=w,
        expected=expected_weight(normalizer, w, counts, prior, logits),
        reduction=reduction,
        normalizer=normalizer,
        ignore_index=ignore_index,
    )


class LabelAwareSmoothing(ClassLoss):
    """Label-aware smoothing; arguments as in :func:`label_aware_smoothing`.

    Raises:
        ValueError: counts or a prior that are negative or all zero.

    >>> import torch
    >>> loss = LabelAwareSmoothing(counts=torch.tensor([9, 1]), head=0.0)
    >>> round(loss(torch.zeros(1, 2), torch.tensor([0])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        head: float = 0.3,
        tail: float = 0.0,
        shape: Shape = "concave",
        power: float = 2.0,
        spread: Literal["others", "all"] = "others",
        weight: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        check_finite(head=head, tail=tail, power=power)
        self.head, self.tail, self.power = head, tail, power
        self.shape: Shape = shape
        self.spread: Literal["others", "all"] = spread

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return label_aware_smoothing(
            logits,
            target,
            head=self.head,
            tail=self.tail,
            shape=self.shape,
            power=self.power,
            spread=self.spread,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: smoothing flattens the posterior, and each class differently."""
        return None
