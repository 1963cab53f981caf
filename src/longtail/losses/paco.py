"""PaCo, the parametric contrastive loss. Cui et al., "Parametric Contrastive Learning", ICCV 2021.

Equation: each query i is compared with C class centres, ``l_c = (w_c h_i + b_c + log pi_c) / T_c``, and with
all other embeddings, ``l_k = q_i k / T``:
``L_i = -sum_p v_p [ l_p - log( sum_c exp l_c + gamma sum_k exp l_k ) ] / sum_p v_p``, v = beta for the true
centre and alpha for each embedding of the query's class.

=================  =========================
symbol             argument
=================  =========================
alpha, beta, gamma ``alpha``, ``beta``, ``gamma``
tau                ``temperature``; ``base_temperature``: multiply by T / T_base, None for no factor
(supt)             ``class_temperature``
pi                 ``prior``
w_c h_i + b_c      ``class_logits``, of the pooled feature
=================  =========================

Use it for long training from scratch with strong augmentation and a queue of keys.

The anchors are the first B embeddings (queries of the first view), as in the authors' code. GPaCo has both
views as anchors: give ``class_logits`` for both. Differs from the authors' code in epsilons: theirs adds 1e-9
to pi and 1e-12 inside the log. It takes ``(features, labels, class_logits)``, and tests on ``class_logits``
without the prior.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from longtail.classes import floored
from longtail.losses._checks import (
    Vector,
    check_finite,
    check_labels,
    share,
    wide,
)
from longtail.losses._contrast import (
    BOUND,
    bounded,
    check_base,
    check_features,
    reduced_anchors,
    similarity,
    within,
    without_self,
)
from longtail.losses._module import CountedLoss
from longtail.losses._reduce import Reduction


def paco(
    features: Tensor,
    labels: Tensor,
    class_logits: Tensor,
    prior: Vector | None = None,
    *,
    counts: Vector | None = None,
    alpha: float = 0.05,
    beta: float = 1.0,
    gamma: float = 1.0,
    temperature: float = 0.2,
    base_temperature: float | None = None,
    class_temperature: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    """Parametric contrastive loss.

    Args:
        features: unit vectors ``[N, D]``: B queries, then keys and queue.
        labels: class indices ``[N]``.
        class_logits: of the B queries, ``[B, C]``.
        prior: share of each class in training, ``[C]``; taken as given, not normalised; or
        counts: training examples per class ``[C]``, in its place.
        alpha: weight of a positive embedding.
        beta: weight of the true centre.
        gamma: weight of the embeddings in the denominator, > 0.
        temperature, class_temperature: of the similarities and of the centres.
        base_temperature: multiply by ``temperature / base_temperature``; None does not.
        reduction: over queries: ``"none"``, ``"mean"`` or ``"sum"``.

    Raises:
        TypeError, ValueError: dtypes, shapes or numbers that do not fit.

    >>> f, y = torch.eye(3), torch.tensor([0, 1, 0])
    >>> paco(f, y, torch.zeros(2, 2), [0.5, 0.5]).shape
    torch.Size([])
    """
    check_base(base_temperature)
    check_finite(
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        temperature=temperature,
        class_temperature=class_temperature,
    )
    check_features(features, labels, 2, temperature, reduction)
    queries = len(class_logits)
    if class_logits.dim() != 2 or queries > len(features):
        raise ValueError(
            f"class_logits have shape {tuple(class_logits.shape)}; need [B, C] with B <= {len(features)}"
        )
    if gamma <= 0 or class_temperature <= 0 or min(alpha, beta) < 0 or alpha + beta == 0:
        raise ValueError(
            f"gamma={gamma} and class_temperature={class_temperature} must be above 0, "
            f"alpha={alpha} and beta={beta} at least 0 and not both 0"
        )
    check_labels(
        labels[:queries], class_logits.shape[1], name="labels"
    )  # a queue may hold others, of no class
    y = labels.long()
    log_prior = floored(share(counts, prior, class_logits)).log()
    centre = (within(wide(class_logits), BOUND**2) + log_prior) / class_temperature
    f = bounded(features)
    s = similarity(f[:queries], f) / temperature
    others = without_self(queries, len(features), s.device)
    positive = others & (y[:queries].unsqueeze(1) == y)
    item = (s + math.log(gamma)).masked_fill(~others, torch.finfo(s.dtype).min)
    denominator = torch.logsumexp(torch.cat([centre, item], 1), 1)
    own = centre.gather(1, y[:queries].unsqueeze(1)).squeeze(1)
    number = positive.sum(1).to(s.dtype)
    attraction = beta * own + alpha * torch.where(positive, s, 0.0).sum(1)
    mass = beta + alpha * number
    loss = denominator - attraction / torch.where(mass > 0, mass, 1.0)
    loss = torch.where(mass > 0, loss, 0.0)
    if base_temperature is not None:
        loss = loss * (temperature / base_temperature)
    return reduced_anchors(loss, reduction)


class PaCo(CountedLoss):
    """Parametric contrastive loss; arguments as in :func:`paco`.

    >>> loss = PaCo(prior=(0.9, 0.1))
    >>> loss(torch.eye(3), torch.tensor([0, 1, 0]), torch.zeros(2, 2)).shape
    torch.Size([])
    """

    def __init__(
        self,
        prior: Vector | None = None,
        *,
        counts: Vector | None = None,
        alpha: float = 0.05,
        beta: float = 1.0,
        gamma: float = 1.0,
        temperature: float = 0.2,
        base_temperature: float | None = None,
        class_temperature: float = 1.0,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(counts, prior)
        check_base(base_temperature)
        check_finite(
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            temperature=temperature,
            class_temperature=class_temperature,
        )
        self.alpha, self.beta, self.gamma, self.temperature = alpha, beta, gamma, temperature
        self.base_temperature, self.class_temperature = base_temperature, class_temperature
        self.reduction: Reduction = reduction

    def forward(self, features: Tensor, labels: Tensor, class_logits: Tensor) -> Tensor:
        return paco(
            features, labels, class_logits, self.prior, counts=self.counts, alpha=self.alpha, beta=self.beta,
            gamma=self.gamma, temperature=self.temperature, base_temperature=self.base_temperature,
            class_temperature=self.class_temperature, reduction=self.reduction,
        )  # fmt: skip

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: the embeddings share the denominator with the centres."""
        return None
