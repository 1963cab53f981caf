"""Focal loss on a softmax. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017; per-class alpha
as usual.

Equation: ``L_i = -alpha_y (1 - p_y)^gamma log p_y`` with ``p = softmax(z)``.

=================  =========================
symbol             argument
=================  =========================
gamma              ``gamma``
alpha_t            ``alpha``: a number, or one a class; a factor only, never in the normaliser
(class weight)     ``weight``: as in cross-entropy, counted by the normaliser
=================  =========================

Computed from the log-odds against the label, so that value and gradient are right at saturation for every
gamma >= 0: with gamma < 1 the textbook form gives 0 * inf there.

Use it against many easy examples rather than against a long tail: on CIFAR-LT it is about as good as
cross-entropy. Its probabilities need calibration. Gamma 2 is for detectors; for plain classification try 0.5
beside it.

Differs from the authors' code in the public ports: p_y comes from the *unweighted* softmax (LDAM-DRW's port
takes it from the weighted loss, so the weight leaks into the modulator); no epsilon is added to p (NLP
ports do, and go negative); the modulator is differentiated. ``detach=True`` stops its gradient, as some
ports do.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.losses._checks import (
    Vector,
    along_classes,
    check,
    check_finite,
    check_finite_or_none,
    check_labels,
    check_smoothing,
    checked_weight,
    per_class,
    wide,
)
from longtail.losses._module import ClassLoss
from longtail.losses._odds import log_odds, nll_of
from longtail.losses._reduce import Normalizer, Reduction, expected_weight, reduced, reduced_soft


def focal(
    logits: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | Vector | None = None,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    detach: bool = False,
) -> Tensor:
    """Softmax focal loss.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities ``q`` like ``logits``, for which the loss is
            ``-sum_c q_c alpha_c w_c (1 - p_c)^gamma log p_c``.
        gamma: focusing exponent, >= 0; 0 is cross-entropy.
        alpha: factor of the loss, a number or ``[C]``.
        weight: class weights ``[C]``.
        counts, prior: training examples per class ``[C]`` or class shares ``[C]``: one, for the expected weight.
        reduction, normalizer, ignore_index: as in :func:`longtail.losses.cross_entropy`.
        label_smoothing: the target becomes ``(1 - eps) onehot + eps / C`` in the formula for soft labels.
        detach: treat the modulating factor as a constant.

    Raises:
        ValueError: negative gamma, or shapes that do not fit.

    >>> z, y = torch.tensor([[2.0, 0.0]]), torch.tensor([0])
    >>> [round(focal(z, y, gamma=g).item(), 4) for g in (0.0, 2.0)]
    [0.1269, 0.0018]
    """
    check_finite(gamma=gamma)
    if alpha is None or isinstance(alpha, float | int):
        check_finite_or_none(alpha=alpha)
    soft = check(logits, target, reduction)
    if gamma < 0:
        raise ValueError(f"gamma={gamma} must be at least 0 (0 is cross-entropy, 2 is the usual value)")
    check_smoothing(label_smoothing)
    w = None if weight is None else per_class("weight", weight, logits)
    e = expected_weight(normalizer, w, counts, prior, logits)
    a = alpha if alpha is None or isinstance(alpha, float | int) else per_class("alpha", alpha, logits)
    if not soft and label_smoothing == 0:
        r = log_odds(logits, target, ignore_index=ignore_index)
        loss = _modulator(F.logsigmoid(r), gamma, detach) * nll_of(r)
        if a is not None:
            loss = loss * (
                a[torch.where(target == ignore_index, 0, target).long()] if isinstance(a, Tensor) else a
            )
        return reduced(
            loss,
            target,
            weight=w,
            expected=e,
            reduction=reduction,
            normalizer=normalizer,
            ignore_index=ignore_index,
        )
    terms = _every_class(wide(logits), gamma, detach)
    for factor in (w, a):
        if factor is not None:
            terms = terms * (along_classes(factor, terms) if isinstance(factor, Tensor) else factor)
    if soft:
        q = target.to(terms.dtype) * (1 - label_smoothing) + label_smoothing / logits.shape[1]
        return reduced_soft((q * terms).sum(1), reduction, e)
    check_labels(target, logits.shape[1], ignore_index)
    y = torch.where(target == ignore_index, 0, target).long()
    own = terms.gather(1, y.unsqueeze(1)).squeeze(1)
    loss = (1 - label_smoothing) * own + label_smoothing * terms.mean(1)
    return reduced(
        loss,
        target,
        mass=w,
        weight=None,
        expected=e,
        reduction=reduction,
        normalizer=normalizer,
        ignore_index=ignore_index,
    )


def _modulator(log_one_minus_p: Tensor, gamma: float, detach: bool) -> Tensor:
    factor = torch.exp(gamma * log_one_minus_p)
    return factor.detach() if detach else factor


def _every_class(z: Tensor, gamma: float, detach: bool) -> Tensor:
    """``-(1 - p_c)^gamma log p_c`` for every class c: ``[B, C, ...]``."""
    log_p = torch.log_softmax(z, 1)
    if gamma == 0:
        return -log_p
    # log(1 - p) of a saturated p: keep it finite, its product with -log p -> 0 vanishes anyway.
    tiny = torch.finfo(z.dtype).eps
    log_q = torch.log(-torch.expm1(log_p.clamp_max(-tiny)))
    return -log_p * _modulator(log_q, gamma, detach)


class Focal(ClassLoss):
    """Softmax focal loss; arguments as in :func:`focal`.

    >>> Focal(gamma=0.0)(torch.zeros(1, 4), torch.tensor([2])).item() == torch.tensor(4.0).log().item()
    True
    """

    alpha: Tensor | float | None

    def __init__(
        self,
        *,
        gamma: float = 2.0,
        alpha: float | Vector | None = None,
        weight: Vector | None = None,
        counts: Vector | None = None,
        prior: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
        detach: bool = False,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior)
        check_finite(gamma=gamma)
        if alpha is None or isinstance(alpha, float | int):
            check_finite_or_none(alpha=alpha)
        if gamma < 0:
            raise ValueError(f"gamma={gamma} must be at least 0 (0 is cross-entropy, 2 is the usual value)")
        if alpha is None or isinstance(alpha, float | int):
            self.alpha = alpha
        else:
            self.register_buffer("alpha", checked_weight(alpha, "alpha"))
        self.gamma, self.detach = gamma, detach
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return focal(
            logits,
            target,
            gamma=self.gamma,
            alpha=self.alpha,
            label_smoothing=self.label_smoothing,
            detach=self.detach,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: focal is no proper score, its logits carry no prior in closed form."""
        return None
