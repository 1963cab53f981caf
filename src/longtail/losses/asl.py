"""ASL, asymmetric loss. Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021, equations 4 to 7.

Equation: ``L_i = w_y sum_c [ -t_c (1 - p_c)^g+ log p_c - (1 - t_c) m_c^g- log(1 - m_c) ]`` with ``p = sigmoid(z)`` and
``m_c = max(p_c - m, 0)``: a negative whose probability is below m counts for nothing.

=================  =========================
symbol             argument
=================  =========================
g+, g-             ``gamma_pos``, ``gamma_neg``
m                  ``clip``
w                  ``weight``: a factor of the whole row, counted by the normaliser
=================  =========================

Use it for several labels a row, where most labels are absent from most rows: easy negatives, and those that are likely to
be mislabelled, fade. At ``gamma_pos=gamma_neg=clip=0`` it is one-vs-rest cross-entropy, at ``clip=0`` and equal gammas
the focal loss. Its sigmoids are no calibrated probabilities.

The exponents are the defaults of the authors' code; the paper's experiments have ``gamma_pos=0``. Differs from the code
in the gradient, which flows through the focusing factors as in the paper (theirs stops there: ``detach=True``), in the
reduction (theirs is ``"sum"``), and in taking no ``clamp`` of p at 1e-8, beyond which a label that is surely missed has
no gradient. Their variant for one class per row, a softmax, is not here: no paper describes it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.losses._binary import BinaryNormalizer, binary, focal_term, multi_hot, reduced_binary
from longtail.losses._checks import Vector, check_finite
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Reduction


def asl(
    logits: Tensor,
    target: Tensor,
    *,
    gamma_neg: float = 4.0,
    gamma_pos: float = 1.0,
    clip: float = 0.05,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "expected",
    ignore_index: float = -100,
    label_smoothing: float = 0.0,
    detach: bool = False,
) -> Tensor:
    """Asymmetric loss over C binary questions, summed over the classes of a row.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``; ``[B]`` or ``[B, 1, ...]`` for one binary question a row.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits`` (soft or multi-hot); of one output 0
            or 1, of any type.
        gamma_neg, gamma_pos: focusing exponents of negatives and positives, >= 0.
        clip: what is taken off the probability of a negative, in [0, 1).
        weight, counts, prior, reduction, normalizer, ignore_index, label_smoothing: as in
            :func:`longtail.losses.sigmoid_focal`.
        detach: treat the modulating factors as constants.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> z, t = torch.tensor([[0.0, 0.0, -4.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> round(asl(z, t).item(), 4)  # .5 log 2 of the label, .45^4 (-log .55) of the first negative, nothing of the second
    0.3711
    >>> round(asl(z, t, gamma_neg=0.0, gamma_pos=0.0, clip=0.0).item(), 4)
    1.4044
    """
    _check(gamma_neg, gamma_pos, clip)
    b = binary(logits, target, reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)
    t = multi_hot(b)
    z = torch.where(b.logits.isinf(), torch.nan, b.logits)
    of_negatives = _shifted(z, gamma_neg, clip, detach) if clip else focal_term(z, gamma_neg, detach)
    value = t * focal_term(-z, gamma_pos, detach) + (1 - t) * of_negatives
    value = value if b.known is None else torch.where(b.known, value, 0.0)
    rows = value.sum(1) if z.dim() > 1 else value
    return reduced_binary(
        rows, b, weight=weight, counts=counts, prior=prior, reduction=reduction, normalizer=normalizer
    )


def _shifted(z: Tensor, gamma: float, clip: float, detach: bool) -> Tensor:
    """``m^gamma (-log(1 - m))`` with ``m = max(sigmoid(z) - clip, 0)``. m is at most 1 - clip, so the logarithm is safe.
    The power is not: at m = 0 and gamma below 1 its slope times 0 would be NaN.
    """
    p = torch.sigmoid(z) - clip
    counts = ~(p <= 0)  # NaN counts
    m = torch.where(counts, p, 0.5)
    modulator = m.detach().pow(gamma) if detach else m.pow(gamma)
    return torch.where(counts, -torch.log1p(-m) * modulator, 0.0)


def _check(gamma_neg: float, gamma_pos: float, clip: float) -> None:
    check_finite(gamma_neg=gamma_neg, gamma_pos=gamma_pos, clip=clip)
    for name, gamma in (("gamma_neg", gamma_neg), ("gamma_pos", gamma_pos)):
        if gamma < 0:
            raise ValueError(f"{name}={gamma} must be at least 0 (0 is cross-entropy)")
    if not 0 <= clip < 1:
        raise ValueError(f"clip={clip} must lie in [0, 1): it is taken off a probability")


class ASL(ClassLoss):
    """Asymmetric loss; arguments as in :func:`asl`.

    >>> round(ASL(gamma_neg=0.0, gamma_pos=0.0, clip=0.0)(torch.zeros(1, 3), torch.tensor([2])).item(), 4)  # 3 log 2
    2.0794
    """

    tasks = frozenset({"single-label", "multi-label"})

    def __init__(
        self,
        *,
        gamma_neg: float = 4.0,
        gamma_pos: float = 1.0,
        clip: float = 0.05,
        weight: Vector | None = None,
        counts: Vector | None = None,
        prior: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "expected",
        ignore_index: float = -100,
        label_smoothing: float = 0.0,
        detach: bool = False,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior)
        _check(gamma_neg, gamma_pos, clip)
        self.gamma_neg, self.gamma_pos, self.clip = gamma_neg, gamma_pos, clip
        self.label_smoothing, self.detach = label_smoothing, detach

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return asl(
            logits,
            target,
            gamma_neg=self.gamma_neg,
            gamma_pos=self.gamma_pos,
            clip=self.clip,
            label_smoothing=self.label_smoothing,
            detach=self.detach,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: focusing changes the shape of the posterior, not only its prior."""
        return None

    def assumes_shares(self, seen: Tensor) -> Tensor | None:
        """Of labels: what the stream shows where nothing is focused or clipped; else None."""
        plain = not (self.gamma_neg or self.gamma_pos or self.clip or self.label_smoothing)
        return seen if plain and self.weight is None and self.normalizer != "positives" else None
