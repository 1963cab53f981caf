"""DisAlign's generalized re-weighting. Zhang et al., "Distribution Alignment: A Unified Framework for
Long-tail Visual Recognition", CVPR 2021.

Equation: ``L_i = -w_y log softmax(z)_y`` with ``w_j = C r_j^-rho / sum_k r_k^-rho``, r the class frequencies.

=================  =========================
symbol             argument
=================  =========================
rho                ``rho`` (1.2 ImageNet-LT, .3 ADE20K, .7 LVIS)
r                  ``counts``, up to a factor
=================  =========================

Use it for a second stage that aligns a frozen classifier (DisAlign).

The same as ``CrossEntropy(weight=part(inverse, power=rho))``, under its own name. In detection background
weighs 1, in the place of a class weight: pass such weights to :class:`longtail.losses.CrossEntropy`. Differs from
the authors' code in empty classes, which weigh as the rarest that is not; theirs are infinite.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import Vector, check_finite, frequency, normalised, warn_if_batch
from longtail.losses._module import CountedLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of


def reweighting_of(counts: Tensor, rho: float = 1.2) -> Tensor:
    """``C n_j^-rho / sum_k n_k^-rho``; an empty class counts as the rarest that is not. ``[C] -> [C]``.

    >>> import torch
    >>> reweighting_of(torch.tensor([3.0, 1.0]), rho=1.0).tolist()
    [0.5, 1.5]
    """
    n = floored(counts)
    w = (n.amin() / n) ** rho
    return w / w.mean()


def generalized_reweighting(
    logits: Tensor,
    target: Tensor,
    counts: Vector | None = None,
    *,
    prior: Vector | None = None,
    rho: float = 1.2,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy weighted by a power of the inverse class frequency.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        counts: training examples per class ``[C]``; or
        prior: class shares ``[C]``, in their place.
        rho: the power; 0 is cross-entropy.
        reduction, normalizer, ignore_index, label_smoothing: as in :func:`longtail.losses.cross_entropy`.

    Raises:
        TypeError, ValueError: dtypes or shapes that do not fit.

    >>> import torch
    >>> z, y = torch.zeros(2, 2), torch.tensor([0, 1])
    >>> [round(v, 4) for v in generalized_reweighting(z, y, [3, 1], rho=1.0, reduction="none").tolist()]
    [0.3466, 1.0397]
    """
    check_finite(rho=rho)
    w = reweighting_of(frequency(counts, prior, logits), rho)
    return cross_entropy_of(
        logits, target, weight=w, counts=counts, prior=prior, reduction=reduction, normalizer=normalizer,
        ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


class GeneralizedReweighting(CountedLoss):
    """Generalized re-weighting; arguments as in :func:`generalized_reweighting`.

    >>> import torch
    >>> GeneralizedReweighting(counts=torch.tensor([9, 1]))(torch.zeros(1, 2), torch.tensor([1])).shape
    torch.Size([])
    """

    def __init__(
        self,
        counts: Vector | None = None,
        *,
        prior: Vector | None = None,
        rho: float = 1.2,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(counts, prior)
        check_finite(rho=rho)
        self.rho = rho
        self.reduction: Reduction = reduction
        self.normalizer: Normalizer = normalizer
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        warn_if_batch(self.total, target)
        return generalized_reweighting(
            logits, target, self.counts, prior=self.prior, rho=self.rho, reduction=self.reduction,
            normalizer=self.normalizer, ignore_index=self.ignore_index, label_smoothing=self.label_smoothing,
        )  # fmt: skip

    def assumes(self, seen: Tensor) -> Tensor | None:
        """The prior the logits carry: ``seen * weight``; None under label smoothing, which flattens the
        posterior, and where the mean divides by the batch's own weights.
        """
        if self.label_smoothing or (self.reduction == "mean" and self.normalizer == "weights"):
            return None
        return normalised(seen * reweighting_of(self.sizes.to(seen), self.rho))
