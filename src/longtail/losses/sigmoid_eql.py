"""Equalization loss, sigmoid form. Tan et al., "Equalization Loss for Long-Tailed Object Recognition", CVPR
2020.

Equation: ``L_i = sum_c w_c BCE(z_c, t_c)`` with ``w_c = 1 - E T_c (1 - t_c)``: rare classes are spared the
negative gradients of other classes' examples, but not those of the background.

=================  =========================
symbol             argument
=================  =========================
f_c, T_c           ``frequency``; T_c = 1 where ``frequency < threshold``
lambda             ``threshold``
E                  0 for a row without a positive (label C), if ``background``; otherwise 1
=================  =========================

Use it for detectors and one-vs-rest classifiers whose rare classes are drowned by negatives of frequent ones.

The threshold is that of LVIS, on the share of *images* with the class: pass those shares as ``frequency`` for
detection. Without them the module uses counts over their sum; ``threshold=None`` finds it in them: the rarest classes
that hold ``tail`` of all examples are rare (CIFAR-100-LT: about .005, CIFAR-10-LT: .05; at the LVIS value they have no
rare class). Differs from the authors' code in nothing, with ``background=True``.
"""

from __future__ import annotations

from torch import Tensor

from longtail.losses._binary import Binary, BinaryNormalizer, binary, focal_rows, reduced_binary
from longtail.losses._checks import (
    Vector,
    along_classes,
    check_finite,
    checked_weight,
    per_class,
    warn_if_batch,
)
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Reduction
from longtail.losses._tail import check_tail, no_rare_class, tail_threshold


def sigmoid_eql(
    logits: Tensor,
    target: Tensor,
    frequency: Vector,
    *,
    threshold: float = 0.00177,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    background: bool = False,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "expected",
    ignore_index: float = -100,
) -> Tensor:
    """One-vs-rest cross-entropy without the negatives of rare classes.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits``.
        frequency: share of the training set ``[C]``.
        threshold: classes with a smaller share are rare.
        background: the label C (a row of zeros, where targets are floats) is background, whose negatives rare
            classes keep.
        weight, counts, prior, reduction, normalizer, ignore_index: as in :func:`longtail.losses.sigmoid_focal`.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.

    >>> import torch
    >>> z, y = torch.zeros(2, 2), torch.tensor([0, 1])
    >>> [round(v, 4) for v in sigmoid_eql(z, y, [0.9, 0.1], threshold=0.5, reduction="none").tolist()]
    [0.6931, 1.3863]
    """
    check_finite(threshold=threshold)
    b = binary(logits, target, reduction, ignore_index=ignore_index, background=background)
    rare = along_classes(
        (per_class("frequency", frequency, b.logits) < threshold).to(b.logits.dtype), b.logits
    )
    if background:
        rare = rare * _foreground(b).unsqueeze(1).to(b.logits.dtype)
    if b.soft is None:
        rows = focal_rows(b, negative=1 - rare)
    else:
        w = 1 - rare * (1 - b.soft)
        rows = focal_rows(b, positive=w, negative=w)
    return reduced_binary(
        rows, b, weight=weight, counts=counts, prior=prior, reduction=reduction, normalizer=normalizer
    )


def _foreground(b: Binary) -> Tensor:
    if b.given.is_floating_point():
        return b.given.amax(1) > 0
    return b.given < b.logits.shape[1]


class SigmoidEQL(ClassLoss):
    """Sigmoid equalization loss; arguments as in :func:`sigmoid_eql`.

    Args:
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        threshold: classes with a smaller share are rare; None finds it, see ``tail``.
        tail: with ``threshold=None``, the share of the examples that rare classes may hold together; the paper advises
            .02 to .1.
        frequency: share ``[C]`` to compare with the threshold, where it is not that of the counts or the prior.

    >>> import torch
    >>> SigmoidEQL(counts=torch.tensor([99, 1]), threshold=0.05)(torch.zeros(1, 2), torch.tensor([0])).shape
    torch.Size([])
    """

    frequency: Tensor

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        threshold: float | None = 0.00177,
        tail: float = 0.1,
        frequency: Vector | None = None,
        weight: Vector | None = None,
        background: bool = False,
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "expected",
        ignore_index: float = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior, needed=True)
        n = self.sizes.double()
        self.register_buffer(
            "frequency", n / n.sum() if frequency is None else checked_weight(frequency, "frequency")
        )
        check_tail(tail)
        self.found = threshold is None
        threshold = tail_threshold(self.frequency, tail) if threshold is None else threshold
        check_finite(threshold=threshold)
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold={threshold} must lie in [0, 1]: it is a share of the training set")
        self.threshold, self.background = threshold, background

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return sigmoid_eql(
            logits,
            target,
            self.frequency,
            threshold=self.threshold,
            background=self.background,
            **self.common,
        )

    def remark(self) -> str | None:
        """What to say before training: that no class is rare."""
        plain = "plain binary cross-entropy, a yes-or-no question per class"
        return no_rare_class(self.frequency, plain, self.threshold, self.found)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: C sigmoids are no distribution over the classes."""
        return None
