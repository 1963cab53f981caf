"""Influence-balanced loss. Park et al., "Influence-Balanced Loss for Imbalanced Visual Classification",
ICCV 2021.

Equation: ``L_i = w_y CE(z, y) alpha / ( ||p - onehot(y)||_1 ||f||_1 + eps )``: examples that already move
the decision boundary count for less. Train with cross-entropy first (the paper: half of the epochs), then
with this.

=================  =========================
symbol             argument
=================  =========================
f (input of head)  ``features``, at the call
lambda_k           ``weight`` (inverse frequency in the paper)
alpha              ``alpha``
(epsilon)          ``eps``
=================  =========================

Use it to fine-tune a net trained with cross-entropy for the first half, in one further stage that needs the
features.

``||p - onehot||_1 = 2 (1 - p_y)`` is computed from the log-odds, exactly also where p_y rounds to 1. The
mean is over the targets (``normalizer="batch"``) by default, as alpha was tuned with it. Differs from the
authors' code in nothing else: the factor is differentiated there too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.losses._checks import Vector, check, check_finite, per_class, wide
from longtail.losses._module import ClassLoss
from longtail.losses._odds import log_odds, nll_of
from longtail.losses._reduce import Normalizer, Reduction, expected_weight, reduced


def influence_balanced(
    logits: Tensor,
    target: Tensor,
    features: Tensor,
    *,
    alpha: float = 1000.0,
    eps: float = 1e-3,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "batch",
    ignore_index: int = -100,
) -> Tensor:
    """Cross-entropy divided by the influence of the example on the head.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``.
        target: class indices ``[B, d1, ...]``; the influence is not defined for soft labels.
        features: what the head was fed, ``[B, d]`` or ``[B, d, d1, ...]``.
        alpha: overall factor.
        eps: keeps the influence away from 0.
        weight, counts, prior, reduction, normalizer, ignore_index: as in :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: soft labels, or shapes that do not fit.

    >>> import torch
    >>> z, y, f = torch.zeros(1, 2), torch.tensor([0]), torch.ones(1, 4)
    >>> round(influence_balanced(z, y, f, alpha=4.0, eps=0.0).item(), 4)  # CE * 4 / (1 * 4)
    0.6931
    """
    check_finite(alpha=alpha, eps=eps)
    check(logits, target, reduction, soft=False)
    if features.dim() != logits.dim() or features.shape[:1] + features.shape[2:] != target.shape:
        raise ValueError(
            f"features have shape {tuple(features.shape)}; for logits {tuple(logits.shape)} they must be "
            "what the head was fed, [B, d] or [B, d, d1, ...]"
        )
    w = None if weight is None else per_class("weight", weight, logits)
    r = log_odds(logits, target, ignore_index=ignore_index)
    influence = 2 * torch.sigmoid(r) * torch.linalg.vector_norm(wide(features), 1, dim=1)
    # Bounded, for a quotient of overflowing numbers has no gradient; a nat is 1e-25 of that.
    loss = nll_of(r).clamp_max(1e25) * alpha / (influence + eps)
    return reduced(
        loss,
        target,
        weight=w,
        expected=expected_weight(normalizer, w, counts, prior, logits),
        reduction=reduction,
        normalizer=normalizer,
        ignore_index=ignore_index,
    )


class InfluenceBalanced(ClassLoss):
    """Influence-balanced loss; arguments as in :func:`influence_balanced`. It is called with the features
    as well.

    Raises:
        ValueError: alpha or eps that is not positive.

    >>> import torch
    >>> loss = InfluenceBalanced(alpha=4.0)
    >>> round(loss(torch.zeros(1, 2), torch.tensor([0]), torch.ones(1, 4)).item(), 3)
    0.693
    """

    reads_features = True

    def __init__(
        self,
        *,
        alpha: float = 1000.0,
        eps: float = 1e-3,
        weight: Vector | None = None,
        counts: Vector | None = None,
        prior: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "batch",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior)
        check_finite(alpha=alpha, eps=eps)
        if alpha <= 0 or eps <= 0:
            raise ValueError(f"alpha={alpha} and eps={eps} must be above 0")
        self.alpha, self.eps = alpha, eps

    def forward(self, logits: Tensor, target: Tensor, features: Tensor) -> Tensor:
        return influence_balanced(logits, target, features, alpha=self.alpha, eps=self.eps, **self.common)

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: examples are weighed by their own loss, which is no class prior."""
        return None
