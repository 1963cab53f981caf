"""Seesaw loss. Wang et al., "Seesaw Loss for Long-Tailed Instance Segmentation", CVPR 2021.

Equation: ``L_i = CE(z + log S_y, y)``, ``S_yj = M_yj K_yj`` for j != y and 1 for j = y:

- mitigation ``M_yj = (N_j / N_y)^p`` where ``N_j < N_y``, else 1, with N the labels *seen so far*, at least
1 each; - compensation ``K_yj = (s_j / max(s_y, eps))^q`` where that ratio exceeds 1, else 1, with ``s =
softmax(z)`` held constant.

=================  =========================
symbol             argument
=================  =========================
N                  ``seen``; the Module counts
p                  ``p``; 0 switches mitigation off
q                  ``q``; 0 switches compensation off
(epsilon)          ``eps``
=================  =========================

With ``objectness=True`` the logits have two more columns, (foreground, background), with a cross-entropy of
their own for every target; the seesaw runs on the first C for foreground targets only, and the label C
means background.

Use it where class frequencies are unknown in advance or change with the stream (detection, streaming data):
it counts for itself.

Differs from the authors' code in what it returns there: the sum of the two terms, each over the same
targets. The Module counts only in train mode (theirs at every call), summed over the ranks of a distributed
run.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from longtail.losses._checks import Vector, along_classes, check, check_finite, check_labels, per_class, wide
from longtail.losses._fused import fused
from longtail.losses._module import ClassLoss
from longtail.losses._odds import nll, nll_of, odds_kernel, odds_maths
from longtail.losses._reduce import Normalizer, Reduction, expected_weight, reduced, summed_over_ranks


def seesaw(
    logits: Tensor,
    target: Tensor,
    seen: Vector,
    *,
    p: float = 0.8,
    q: float = 2.0,
    eps: float = 1e-2,
    objectness: bool = False,
    weight: Vector | None = None,
    counts: Vector | None = None,
    prior: Vector | None = None,
    reduction: Reduction = "mean",
    normalizer: Normalizer = "expected",
    ignore_index: int = -100,
) -> Tensor:
    """Cross-entropy in which a frequent class's examples push rarer classes down less, unless they are
    mistaken for them.

    Args:
        logits: ``[B, C]`` or ``[B, C, d1, ...]``; C + 2 columns with ``objectness``.
        target: class indices ``[B, d1, ...]``, with ``objectness`` up to C; the factors are not defined for
            soft labels.
        seen: labels seen so far, per class ``[C]``, this batch included.
        p: exponent of the mitigation.
        q: exponent of the compensation.
        eps: least probability of the label in the compensation.
        objectness: logits end with (foreground, background).
        weight: class weights ``[C]``; background weighs 1.
        counts, prior: as in :func:`longtail.losses.cross_entropy`: for the expected weight, not for the factors.
        reduction, normalizer, ignore_index: as in :func:`longtail.losses.cross_entropy`.

    Raises:
        ValueError: soft labels, or shapes that do not fit.

    >>> import torch
    >>> z, seen = torch.zeros(1, 2), torch.tensor([4, 1])
    >>> [round(seesaw(z, torch.tensor([y]), seen, p=0.5).exp().item(), 4) for y in (0, 1)]
    [1.5, 2.0]
    """
    check_finite(p=p, q=q, eps=eps)
    check(logits, target, reduction, least=4 if objectness else 2, soft=False)
    if p < 0 or q < 0 or eps <= 0:
        raise ValueError(f"p={p} and q={q} must be at least 0 (0 switches the factor off), eps={eps} above 0")
    z = wide(logits)
    classes = z[:, :-2] if objectness else z
    n = per_class("seen", seen, classes)
    w = None if weight is None else per_class("weight", weight, classes)
    e = expected_weight(normalizer, w, counts, prior, classes)
    if not objectness:
        loss = _factored(classes, target, n, p, q, eps, ignore_index)
        return reduced(
            loss,
            target,
            weight=w,
            expected=e,
            reduction=reduction,
            normalizer=normalizer,
            ignore_index=ignore_index,
        )
    background = target == classes.shape[1]
    of_class = torch.where(background, ignore_index, target)
    loss = torch.where(
        of_class == ignore_index, 0.0, _factored(classes, of_class, n, p, q, eps, ignore_index)
    )
    which = torch.where(target == ignore_index, ignore_index, background.long())
    loss = loss + nll(z[:, -2:], which, ignore_index=ignore_index)
    w = None if w is None else torch.cat([w, w.new_ones(1)])
    return reduced(
        loss,
        target,
        weight=w,
        expected=e,
        reduction=reduction,
        normalizer=normalizer,
        ignore_index=ignore_index,
    )


def _factored(
    z: Tensor, target: Tensor, seen: Tensor, p: float, q: float, eps: float, ignore_index: int
) -> Tensor:
    check_labels(target, z.shape[1], ignore_index)
    valid = target != ignore_index
    y = torch.where(valid, target, 0).long()
    log_n = p * seen.clamp_min(1).log()
    own_n = log_n[y].unsqueeze(1)
    r = fused(_maths, _kernel, z, y.unsqueeze(1), along_classes(log_n, z), own_n, q, eps)
    return torch.where(valid, nll_of(r.squeeze(1)), 0.0)


def _log_factors(z: Tensor, at: Tensor, log_n: Tensor, own_n: Tensor, q: float, eps: float) -> Tensor:
    """``log S_yj`` up to a number that is the same for all j; that of the label is 0 but for it."""
    # p log(min(N_j, N_y) / N_y) without - p log N_y
    mitigation = torch.minimum(log_n, own_n)
    if q == 0:
        return mitigation
    log_s = torch.log_softmax(z.detach(), 1)
    own = log_s.gather(1, at)
    return log_s.sub_(own.clamp_min(math.log(eps))).clamp_min_(0).mul_(q).add_(mitigation)


def _maths(z: Tensor, at: Tensor, log_n: Tensor, own_n: Tensor, q: float, eps: float) -> Tensor:
    return odds_maths(z, at, 1.0, _log_factors(z, at, log_n, own_n, q, eps), None, None, None)


def _kernel(
    z: Tensor, at: Tensor, log_n: Tensor, own_n: Tensor, q: float, eps: float
) -> tuple[Tensor, Tensor]:
    return odds_kernel(z, at, 1.0, _log_factors(z, at, log_n, own_n, q, eps), None, None, None)


class Seesaw(ClassLoss):
    """Seesaw loss with its running label counts (buffer ``seen``); arguments as in :func:`seesaw`.

    In train mode a call counts its labels first, over all ranks, then computes the loss; in eval mode it
    does not count.

    Raises:
        ValueError: no class, or p or q below 0.

    >>> import torch
    >>> loss = Seesaw(num_classes=3)
    >>> _ = loss(torch.zeros(4, 3), torch.tensor([0, 0, 1, 0]))
    >>> loss.seen.tolist()
    [3, 1, 0]
    """

    seen: Tensor

    def __init__(
        self,
        num_classes: int,
        *,
        p: float = 0.8,
        q: float = 2.0,
        eps: float = 1e-2,
        objectness: bool = False,
        weight: Vector | None = None,
        counts: Vector | None = None,
        prior: Vector | None = None,
        reduction: Reduction = "mean",
        normalizer: Normalizer = "expected",
        ignore_index: int = -100,
    ) -> None:
        super().__init__(weight, reduction, normalizer, ignore_index, counts, prior)
        check_finite(p=p, q=q, eps=eps)
        if num_classes < 1 or p < 0 or q < 0:
            raise ValueError(f"num_classes={num_classes} must be at least 1, p={p} and q={q} at least 0")
        self.register_buffer("seen", torch.zeros(num_classes, dtype=torch.int64))
        self.p, self.q, self.eps, self.objectness = p, q, eps, objectness

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        check(logits, target, self.reduction, least=4 if self.objectness else 2, soft=False)
        if self.training:
            check_labels(target, len(self.seen) + self.objectness, self.ignore_index)
            y = target.reshape(-1).long()
            counted = y != self.ignore_index
            if self.objectness:
                counted = counted & (y < len(self.seen))
            batch = torch.zeros_like(self.seen).scatter_add(0, torch.where(counted, y, 0), counted.long())
            self.seen += summed_over_ranks(batch)
        return seesaw(
            logits,
            target,
            self.seen,
            p=self.p,
            q=self.q,
            eps=self.eps,
            objectness=self.objectness,
            **self.common,
        )

    def assumes(self, seen: Tensor) -> Tensor | None:
        """None: the factors depend on the label and on the scores."""
        return None
