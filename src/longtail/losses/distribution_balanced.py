"""Distribution-balanced loss. Wu et al., "Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed
Datasets", ECCV 2020, equations 3 to 9.

Equation: ``L_i = sum_c w_ic [ t_c F(z_c + nu_c) + (1 - t_c) F(-lambda (z_c + nu_c)) / lambda ]`` with the focal term
``F(x) = f (1 - sigmoid(x))^gamma (-log sigmoid(x))``, the weights ``w_ic = alpha + sigmoid(beta (r_ic - mu))``,
``r_ic = (1 / pi_c) / sum_{labels j of i} 1 / pi_j``, and the bias ``nu_c = kappa logit(pi_c) / lambda``. Here ``pi_c`` is
the share of the rows that hold label c.

=================  ================================================================================
symbol             argument
=================  ================================================================================
pi                 ``prior``
alpha, beta, mu    ``alpha``, ``beta``, ``mu``; ``rebalance=False`` leaves the weights out
kappa, lambda      ``kappa``, ``negative_scale``; 0 and 1 leave the negative-tolerant regularisation out
gamma, f           ``gamma``, ``factor``; 0 and 1 leave the focal term out
=================  ================================================================================

Use it for several labels a row, with class-aware sampling, for which the weights are made: a row is drawn for each of its
labels, so frequent labels come along with rare ones, and the weights take that back. And the negatives of a label, which
are nearly all rows, stop pulling once they are told.

Differs from the authors' code in taking rows without any label: their ``r`` is infinite, so the weight is alpha + 1.
``mu`` is .2 for COCO-MLT and .3 for VOC-MLT, ``negative_scale`` 2 and 5. Its sigmoids are no calibrated probabilities.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.classes import floored
from longtail.losses._binary import (
    Binary,
    BinaryNormalizer,
    binary,
    checked_shares,
    focal_term,
    label_odds,
    moved_odds,
    multi_hot,
    reduced_binary,
)
from longtail.losses._checks import Vector, along_classes, check_finite, per_class
from longtail.losses._reduce import Reduction


def distribution_balanced(
    logits: Tensor,
    target: Tensor,
    prior: Vector,
    *,
    rebalance: bool = True,
    alpha: float = 0.1,
    beta: float = 10.0,
    mu: float = 0.2,
    kappa: float = 0.05,
    negative_scale: float = 2.0,
    gamma: float = 2.0,
    factor: float = 2.0,
    reduction: Reduction = "mean",
    normalizer: BinaryNormalizer = "elements",
    ignore_index: float = -100,
) -> Tensor:
    """Re-balanced, negative-tolerant focal loss over C binary questions, summed over the classes of a row.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``, or floats in [0, 1] like ``logits`` (soft or multi-hot).
        prior: the share of the training rows that hold each label, ``[C]``, each in [0, 1]. One that no row holds counts
            as rare as the rarest, one that every row holds as frequent as the next.
        rebalance: weigh labels against how often sampling by class shows them.
        alpha, beta, mu: least weight, slope and middle of the weights.
        kappa: how much of a label's log odds is added to its logit.
        negative_scale: how much steeper, and lower, the loss of negatives is; above 0.
        gamma, factor: of the focal term.
        reduction, normalizer, ignore_index: as in :func:`longtail.losses.sigmoid_focal`.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> z, t = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    >>> off = {"rebalance": False, "kappa": 0.0, "negative_scale": 1.0, "gamma": 0.0, "factor": 1.0}
    >>> round(distribution_balanced(z, t, [0.5, 0.1], **off).item(), 4)  # cross-entropy: log 2
    0.6931
    >>> round(distribution_balanced(z, t, [0.5, 0.1]).item(), 4)
    0.2691
    """
    _check(alpha, beta, mu, kappa, negative_scale, gamma, factor)
    b = binary(logits, target, reduction, ignore_index=ignore_index)
    shares = per_class("prior", prior, b.logits)
    t = multi_hot(b)
    z = torch.where(b.logits.isinf(), torch.nan, b.logits)
    z = z + along_classes(kappa / negative_scale * label_odds(shares), z)
    most = torch.finfo(z.dtype).max
    of_negatives = focal_term((negative_scale * z).clamp(-most, most), gamma, False) / negative_scale
    value = factor * (t * focal_term(-z, gamma, False) + (1 - t) * of_negatives)
    if rebalance:
        value = value * _weights(b, t, shares, alpha, beta, mu)
    value = value if b.known is None else torch.where(b.known, value, 0.0)
    return reduced_binary(value.sum(1), b, reduction=reduction, normalizer=normalizer)


def _weights(b: Binary, t: Tensor, shares: Tensor, alpha: float, beta: float, mu: float) -> Tensor:
    """``alpha + sigmoid(beta (r - mu))``, like the logits. A row without labels has r infinite."""
    rarity = along_classes(1 / floored(shares), b.logits)
    of_row = (rarity * t).sum(1, keepdim=True)
    r = torch.where(of_row > 0, rarity / torch.where(of_row > 0, of_row, 1.0), torch.inf)
    return alpha + torch.sigmoid(beta * (r - mu))


def _check(
    alpha: float, beta: float, mu: float, kappa: float, negative_scale: float, gamma: float, factor: float
) -> None:
    check_finite(
        alpha=alpha, beta=beta, mu=mu, kappa=kappa, negative_scale=negative_scale, gamma=gamma, factor=factor
    )
    if negative_scale <= 0:
        raise ValueError(f"negative_scale={negative_scale} must be above 0 (1 leaves negatives as they are)")
    if gamma < 0:
        raise ValueError(f"gamma={gamma} must be at least 0 (0 is cross-entropy)")


class DistributionBalanced(nn.Module):
    """Distribution-balanced loss; arguments as in :func:`distribution_balanced`.

    >>> loss = DistributionBalanced(prior=[0.5, 0.1, 0.02])
    >>> loss(torch.zeros(2, 3), torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])).isfinite().item()
    True
    """

    tasks = frozenset({"single-label", "multi-label"})

    prior: Tensor

    def __init__(
        self,
        prior: Vector,
        *,
        rebalance: bool = True,
        alpha: float = 0.1,
        beta: float = 10.0,
        mu: float = 0.2,
        kappa: float = 0.05,
        negative_scale: float = 2.0,
        gamma: float = 2.0,
        factor: float = 2.0,
        reduction: Reduction = "mean",
        normalizer: BinaryNormalizer = "elements",
        ignore_index: float = -100,
    ) -> None:
        super().__init__()
        _check(alpha, beta, mu, kappa, negative_scale, gamma, factor)
        self.register_buffer("prior", checked_shares("prior", prior))
        self.rebalance, self.alpha, self.beta, self.mu = rebalance, alpha, beta, mu
        self.kappa, self.negative_scale, self.gamma, self.factor = kappa, negative_scale, gamma, factor
        self.reduction: Reduction = reduction
        self.normalizer: BinaryNormalizer = normalizer
        self.ignore_index = ignore_index

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return distribution_balanced(
            logits,
            target,
            self.prior,
            rebalance=self.rebalance,
            alpha=self.alpha,
            beta=self.beta,
            mu=self.mu,
            kappa=self.kappa,
            negative_scale=self.negative_scale,
            gamma=self.gamma,
            factor=self.factor,
            reduction=self.reduction,
            normalizer=self.normalizer,
            ignore_index=self.ignore_index,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: it changes the shape of the posterior, not only its prior."""
        return None

    def assumes_shares(self, seen: Tensor) -> Tensor | None:
        """Of labels: the odds that the stream shows, over those of ``prior`` to the power ``kappa``, where nothing but
        the bias is on; else None.
        """
        if self.rebalance or self.gamma or self.negative_scale != 1 or self.normalizer == "positives":
            return None
        return moved_odds(seen, torch.exp(-self.kappa * label_odds(self.prior.to(seen))))
