"""PriorShift: take one class prior out of the logits and put another one in.

Source: Menon et al., "Long-Tail Learning via Logit Adjustment", ICLR 2021 (post-hoc form), and Bayes' rule:
``z'_j = z_j + tau (log to_j - log prior_j)``; for a balanced target the constant ``log to_j`` is left out.

| symbol | here |
|---|---|
| pi, the prior that the logits assume | ``prior`` (a fact: the training prior) |
| tau | ``tau`` (1: Bayes' rule; None: tuned on held-out data) |

Differs from the authors' code in ``eps``: it computes ``log(pi ** tau + 1e-12)``; here that is
``eps=1e-12``, off by default.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.adjust.affine import Affine, Array, Vector, numbers
from longtail.adjust.inputs import Floats, check_labels, check_logits, check_prior
from longtail.part import part

TAUS = tuple(k / 10 for k in range(21))


def shift_bias(prior: Floats, to: Floats | None, tau: float = 1.0, eps: float = 0.0) -> Floats:
    """What :class:`PriorShift` adds to the logits, ``[C]``; ``to=None`` is balanced.

    >>> shift_bias(np.array([0.75, 0.25]), None).round(4).tolist()
    [0.2877, 1.3863]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        bias: Floats = -np.log(prior**tau + eps) if tau else np.zeros_like(prior)
        return bias if to is None or not tau else bias + tau * np.log(to)


class PriorShift(Affine):
    """Logits for another class prior.

    Args:
        prior: the prior ``[C]`` the logits assume; in a recipe the training prior, filled as a fact.
        to: ``"balanced"`` or a prior ``[C]`` to deploy under. A class with ``to = 0`` is never predicted.
        tau: strength; 0 changes nothing, 1 is Bayes' rule, None means :meth:`fit` chooses from 0, 0.1 .. 2.
        unseen: a class whose ``prior`` is 0 is an ``"error"``, or taken to be as rare as the ``"rarest"``
            seen class.
        eps: added to ``prior ** tau`` inside the logarithm.

    Raises:
        ValueError: a vector that is no prior, a class of prior 0 (see ``unseen``), unknown words, negative
            numbers.

    >>> PriorShift([0.75, 0.25])(np.array([[2.0, 0.0]])).round(4).tolist()
    [[2.2877, 1.3863]]
    """

    def __init__(
        self,
        prior: Vector,
        to: str | Vector = "balanced",
        tau: float | None = 1.0,
        unseen: str = "error",
        eps: float = 0.0,
    ) -> None:
        if unseen not in ("error", "rarest"):
            raise ValueError(f"unseen={unseen!r} must be 'error' or 'rarest'")
        if isinstance(to, str) and to != "balanced":
            raise ValueError(f"to={to!r} must be 'balanced' or one probability a class")
        if tau is not None and not 0 <= tau < np.inf:
            raise ValueError(f"tau={tau} must be a number from 0 on, or None to tune it on held-out data")
        if not 0 <= eps < np.inf:
            raise ValueError(f"eps={eps} must be a number from 0 on")
        source = check_prior("prior", prior)
        target = None if isinstance(to, str) else check_prior("to", to, len(source))
        prior, to = source, to if target is None else target
        if (source == 0).any() and eps == 0:
            if unseen == "error":
                raise ValueError(
                    f"prior is 0 for class {int((source == 0).argmax())}: the model never saw it, so "
                    "no prior can be taken out; pass unseen='rarest' (as rare as the rarest seen), or drop it"
                )
            source = np.where(source == 0, source[source > 0].min(), source)  # longtail.classes.floored
        self.prior, self.to, self.tau, self.unseen, self.eps = numbers(prior), to, tau, unseen, eps
        self._source, self._target = source, target
        words = to if isinstance(to, str) else numbers(to)
        spec = part(PriorShift, prior=self.prior, to=words, tau=tau, unseen=unseen, eps=eps)
        bias = shift_bias(source, target, tau or 0.0, eps)
        if not (np.isfinite(bias) | (bias == -np.inf)).all():
            raise ValueError(f"tau={tau} is too large for a prior of {source.min():g}: the shift is infinite")
        same = bool((bias == bias[0]).all())
        super().__init__(spec, None if tau is None else 1.0, bias, keeps_argmax=tau is not None and same)

    def fit(self, logits: Array, y: Array) -> PriorShift:
        """With ``tau=None``: the tau of the grid with the best accuracy under ``to`` on held-out data; else
        itself.

        Accuracy under ``to`` is the mean of the per-class recalls weighted by ``to`` (balanced accuracy when
        balanced), over the classes the held-out data has. Ties go to the tau nearest 1.

        Raises:
            ValueError: bad rows, see :func:`longtail.adjust.check_logits`.
        """
        z = check_logits(logits)
        labels = check_labels(y, len(z), z.shape[1])
        if self.tau is not None:
            return self
        share = np.ones(z.shape[1]) if self._target is None else self._target
        weight = share[labels] / np.bincount(labels, minlength=z.shape[1])[labels]

        def score(tau: float) -> float:
            hit = (z + shift_bias(self._source, self._target, tau, self.eps)).argmax(1) == labels
            return round(float((weight * hit).sum()), 12)

        best = max(TAUS, key=lambda tau: (score(tau), -abs(tau - 1)))
        return PriorShift(self.prior, self.to, best, self.unseen, self.eps)

    def assumes(self, before: Array | None) -> Array | None:
        """``before * (to / prior) ** tau``, normalised: ``to`` itself where ``before`` is ``prior`` and tau
        is 1.
        """
        if before is None or self.scale is None:
            return None
        p = before * like_ratio(self.bias, before)
        return p / p.sum()


def like_ratio(bias: Any, x: Array) -> Array:
    """``exp(bias)``, scaled to a largest entry of 1, as the kind of ``x``."""
    ratio = np.exp(np.asarray(bias) - np.max(bias))
    return x.new_tensor(ratio.tolist()) if hasattr(x, "new_tensor") else ratio
