"""Logit-adjusted binary cross-entropy: each label's log odds stand in its logit during training, so that the logit alone
answers under another prior. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, equation 10, for one
Bernoulli per label; the shift of odds is Elkan, "The foundations of cost-sensitive learning", IJCAI 2001, theorem 2.

Equation: ``L_i = sum_c BCE(z_c + tau [logit(pi_c) - logit(q_c)], t_c)``.

=================  ================================================================================
symbol             argument
=================  ================================================================================
pi                 ``prior``: the share of the training rows that hold each label
q                  ``target_prior``: the share where the model is used; None is one half for all
tau                ``tau``; 0 is one-vs-rest cross-entropy
=================  ================================================================================

Use it for several labels a row: at ``tau=1`` and the right posterior, ``sigmoid(z_c)`` is the probability of label c
under ``target_prior``, exactly. With None a label is predicted where it is likelier than its frequency lets expect, which
is best for the balanced error of each label. The same after training is ``z_c - logit(pi_c) + logit(q_c)``; the loss
differs in what a finite net spends its weights on.

Differs from the paper, whose loss is a softmax over classes (:func:`longtail.losses.logit_adjusted`), in asking one
question per label; there is no authors' code for that. Binary VS with gamma 0 is the case of one label.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.losses._binary import (
    BinaryNormalizer,
    binary,
    checked_shares,
    focal_rows,
    label_odds,
    moved_odds,
    reduced_binary,
)
from longtail.losses._checks import Vector, along_classes, check_finite, per_class
from longtail.losses._reduce import Reduction


def logit_adjusted_bce(
    logits: Tensor,
    target: Tensor,
    prior: Vector,
    *,
    target_prior: Vector | None = None,
    tau: float = 1.0,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "batch",
    ignore_index: float = -100,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Logit-adjusted cross-entropy over C binary questions, summed over the classes of a row.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits`` (soft or multi-hot).
        prior: the share of the training rows that hold each label, ``[C]``, each in [0, 1]. One that no row holds counts
            as rare as the rarest, one that every row holds as frequent as the next.
        target_prior: that of the rows where the model is used, ``[C]``; None is one half for every label.
        tau: how much of it.
        reduction, normalizer, ignore_index, label_smoothing: as in :func:`longtail.losses.sigmoid_focal`.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> import torch
    >>> z, t = torch.zeros(1, 2), torch.tensor([[0.0, 0.0]])
    >>> round(logit_adjusted_bce(z, t, [0.5, 0.2]).item(), 4)  # log 2 - log .8
    0.9163
    >>> round(logit_adjusted_bce(z, t, [0.5, 0.2], target_prior=[0.5, 0.2]).item(), 4)  # 2 log 2
    1.3863
    """
    check_finite(tau=tau)
    b = binary(logits, target, reduction, ignore_index=ignore_index, label_smoothing=label_smoothing)
    shift = label_odds(per_class("prior", prior, b.logits))
    if target_prior is not None:
        shift = shift - label_odds(per_class("target_prior", target_prior, b.logits))
    moved = b._replace(logits=b.logits + tau * along_classes(shift, b.logits))
    return reduced_binary(focal_rows(moved), b, reduction=reduction, normalizer=normalizer)


class LogitAdjustedBCE(nn.Module):
    """Logit-adjusted binary cross-entropy; arguments as in :func:`logit_adjusted_bce`.

    >>> import torch
    >>> round(LogitAdjustedBCE([0.5, 0.2], tau=0.0)(torch.zeros(1, 2), torch.tensor([0])).item(), 4)  # 2 log 2
    1.3863
    """

    tasks = frozenset({"single-label", "multi-label"})

    prior: Tensor
    target_prior: Tensor | None

    def __init__(
        self,
        prior: Vector,
        *,
        target_prior: Vector | None = None,
        tau: float = 1.0,
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "batch",
        ignore_index: float = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_finite(tau=tau)
        self.register_buffer("prior", checked_shares("prior", prior))
        target = None if target_prior is None else checked_shares("target_prior", target_prior)
        self.register_buffer("target_prior", target)
        self.reduction: Reduction = reduction
        self.normalizer: BinaryNormalizer = normalizer
        self.ignore_index = ignore_index
        self.tau, self.label_smoothing = tau, label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return logit_adjusted_bce(
            logits,
            target,
            self.prior,
            target_prior=self.target_prior,
            tau=self.tau,
            reduction=self.reduction,
            normalizer=self.normalizer,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: C sigmoids are no distribution over the classes."""
        return None

    def assumes_shares(self, seen: Tensor) -> Tensor | None:
        """Of labels: the odds that the stream shows, times those of ``target_prior`` over those of ``prior`` to the power
        ``tau``. None with smoothing, or where the mean divides by the batch's positives.
        """
        if self.label_smoothing or self.normalizer == "positives":
            return None
        shift = label_odds(self.prior.to(seen))
        if self.target_prior is not None:
            shift = shift - label_odds(self.target_prior.to(seen))
        return moved_odds(seen, torch.exp(-self.tau * shift))
