"""Cross-entropy with class weights, and both ways of taking their mean.

Equation: ``L_i = -w_y log softmax(z)_y``.

=================  =========================
symbol             argument
=================  =========================
w                  ``weight`` (see ``longtail.weights``)
eps (smoothing)    ``label_smoothing``: target ``(1 - eps) onehot + eps / C``
=================  =========================

Use it as the baseline, with ``weight=effective_number(counts)`` as class-balanced loss, and late in training
as deferred re-weighting (DRW): class weights from the first epoch on hurt features.

Differs from ``torch.nn.CrossEntropyLoss`` in the mean. PyTorch divides by the sum of the batch's own weights, so a
rare example shrinks its own weight: with 1 % rare examples, inverse weights and batches of 128 the logits carry a prior
of .40 for the rare class, not .5. Here the mean divides by the number of targets times the *expected* weight of an
example, ``sum_c pi_c w_c``, which is the same for every batch. ``normalizer="weights"`` is PyTorch's;
``normalizer="batch"`` leaves the expected weight out, as TensorFlow's losses do (class-balanced loss, Cui et al., CVPR
2019). The mean over no target at all is 0 instead of NaN. One class alone is an error: its loss is constant.
"""

from __future__ import annotations

from torch import Tensor

from longtail.losses._checks import Vector
from longtail.losses._module import ClassLoss
from longtail.losses._reduce import Normalizer, Reduction
from longtail.losses._softmax import cross_entropy_of


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    *,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Weighted cross-entropy.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or probabilities like ``logits``.
        weight: class weights ``[C]``.
        counts, prior: training examples per class ``[C]`` or class shares ``[C]``: one, for the expected weight.
        reduction: ``"none"``, ``"mean"`` or ``"sum"``.
        normalizer: the mean divides by the number of targets times the expected weight of a training example
            (``"expected"``; without ``counts`` or ``prior`` it is taken to be 1), by their number (``"batch"``), or by
            the sum of their own weights (``"weights"``: ``torch.nn.CrossEntropyLoss``).
        ignore_index: hard targets of this value count for nothing.
        label_smoothing: mass moved from the label to all classes alike.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit, or fewer than two classes.

    >>> import torch
    >>> round(cross_entropy(torch.tensor([[2.0, 0.0]]), torch.tensor([0])).item(), 4)
    0.1269
    """
    return cross_entropy_of(
        logits, target, weight=weight, counts=counts, prior=prior, reduction=reduction, normalizer=normalizer,
        ignore_index=ignore_index, label_smoothing=label_smoothing,
    )  # fmt: skip


class CrossEntropy(ClassLoss):
    """Weighted cross-entropy, in the place of ``nn.CrossEntropyLoss``; arguments as in :func:`cross_entropy`.

    >>> import torch
    >>> loss = CrossEntropy(weight=(1.0, 3.0), counts=(3, 1))  # the expected weight is 1.5
    >>> round(loss(torch.zeros(4, 2), torch.tensor([0, 0, 0, 1])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        *,
        weight: Vector | None = None,
        counts: Vector | None = None,
        prior: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(logits, target, label_smoothing=self.label_smoothing, **self.common)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """The prior the logits carry: ``seen * weight``; None under label smoothing, which flattens the
        posterior.
        """
        if self.label_smoothing:
            return None
        return self.weighted(seen)
