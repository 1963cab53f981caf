"""Estimate an unknown deployment prior from unlabelled predictions, with its uncertainty.

Sources: EM of Saerens et al., "Adjusting the Outputs of a Classifier to New a Priori Probabilities", Neural
Computation 2002; BBSE of Lipton et al., "Detecting and Correcting for Label Shift with Black Box
Predictors", ICML 2018.
EM: repeat ``r_ij ~ p_ij q_j / pi_j`` (normalised over j), ``q_j = (sum_i r_ij + s pi_j) / (N + s)``, from q = pi.
BBSE: solve ``K q = mu`` with ``K[k, j] = P(decide k | class j)`` from labelled held-out data and ``mu_k =
P(decide k)`` from the unlabelled data; clip at 0 and normalise.

| symbol | here |
|---|---|
| p | softmax of ``logits`` |
| pi | ``assumed_prior`` |
| q | ``PriorEstimate.prior`` |
| s | ``strength``; 0 in the paper |

Differs from the papers in BBSE, where K is a joint distribution and its solution the ratio q / pi: the same,
but this form does not mind a held-out part with a prior of its own. And in s: with s rows of the source beside the
others (a Dirichlet prior) no class is ruled out because a sample lacks it.

EM needs calibrated logits (:class:`longtail.adjust.BiasTemperature` makes them so); BBSE needs labelled
held-out logits from the source population instead. Uncertainty: percentile bootstrap over the rows (for BBSE
also over the held-out rows); it covers sampling noise, not a shift other than of the prior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from longtail.adjust.inputs import Floats, Ints, check_labels, check_logits, check_prior, softmax


@dataclass(frozen=True)
class PriorEstimate:
    """An estimated prior.

    Attributes:
        prior: q ``[C]``, sums to 1.
        low: lower ends ``[C]`` of the intervals.
        high: upper ends ``[C]``.
        level: their level.
        method: ``"em"`` or ``"bbse"``.
    """

    prior: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    level: float
    method: str


def em_prior(
    probs: Floats,
    source: Floats,
    weights: Floats | None = None,
    start: Floats | None = None,
    limit: int = 1000,
    tolerance: float = 1e-9,
    strength: float = 0.0,
) -> Floats:
    """q ``[C]`` by EM from ``probs [N, C]`` that assume ``source [C]``; ``weights [N]`` are multiplicities, and
    ``strength`` rows are as frequent as ``source``.

    >>> p = np.array([[0.9, 0.1]] * 3 + [[0.1, 0.9]])
    >>> em_prior(p, np.array([0.5, 0.5])).round(4).tolist()
    [0.8125, 0.1875]
    """
    w = np.ones(len(probs)) if weights is None else weights
    w, pulled = w / (w.sum() + strength), source * (strength / (w.sum() + strength))
    ratio = probs / source
    q = source.copy() if start is None else start
    for _ in range(limit):
        likelihood = ratio @ q
        new = q * ((w / np.maximum(likelihood, 1e-300)) @ ratio) + pulled
        new /= new.sum()
        change = float(np.abs(new - q).max())
        q = new
        if change < tolerance:
            break
    return q


def bbse_prior(decided: Ints, held_decided: Ints, held_y: Ints, source: Floats) -> Floats:
    """q ``[C]`` by BBSE from decisions on unlabelled data and on labelled held-out data."""
    c = len(source)
    joint = np.bincount(held_decided * c + held_y, minlength=c * c).reshape(c, c)
    given = joint / np.maximum(
        joint.sum(0), 1
    )  # P(decide k | class j): robust to the held-out part's own prior
    mu = np.bincount(decided, minlength=c) / len(decided)
    q: Floats = np.clip(np.linalg.lstsq(given, mu, rcond=1e-6)[0], 0, None)
    return q / q.sum() if q.sum() > 0 else source


def estimate_prior(
    logits: Any,
    assumed_prior: Any,
    method: str = "em",
    held: tuple[Any, Any] | None = None,
    resamples: int = 200,
    level: float = 0.95,
    seed: int = 0,
    strength: float = 0.0,
) -> PriorEstimate:
    """The class prior of the population that unlabelled ``logits`` come from.

    Args:
        logits: ``[N, C]``, unlabelled.
        assumed_prior: the prior ``[C]`` that the logits assume; every class above 0.
        method: ``"em"`` or ``"bbse"``.
        held: for BBSE: held-out ``(logits [M, C], y [M])``, with every class.
        resamples: of the bootstrap.
        level: of the intervals.
        seed: of the bootstrap.
        strength: for EM: rows that count as if they were there, as frequent as ``assumed_prior``. 0 is the paper's; above
            it no class is estimated at 0.

    Raises:
        ValueError: unknown method, bad rows, a prior with a zero, or BBSE without ``held`` or with a class
            missing there.

    >>> z = np.log(np.array([[0.9, 0.1]] * 75 + [[0.1, 0.9]] * 25))
    >>> e = estimate_prior(z, [0.5, 0.5])
    >>> round(e.prior[0], 3), e.low[0] < e.prior[0] < e.high[0]
    (0.812, True)
    """
    z = check_logits(logits)
    n, c = z.shape
    source = check_prior("assumed_prior", assumed_prior, c)
    if method not in ("em", "bbse"):
        raise ValueError(f"method={method!r} must be 'em' or 'bbse'")
    if resamples < 20 or not 0 < level < 1:
        raise ValueError(f"resamples={resamples} must be at least 20 and level={level} inside (0, 1)")
    if not 0 <= strength < np.inf or (strength and method == "bbse"):
        raise ValueError(f"strength={strength} must be a number from 0 on, and is for method='em'")
    if (source == 0).any():
        raise ValueError(
            f"assumed_prior is 0 for class {int((source == 0).argmax())}: its new prior cannot be estimated"
        )
    rng = np.random.default_rng(seed)
    if method == "em":
        probs = softmax(z)
        q = em_prior(probs, source, strength=strength)
        weights = (rng.multinomial(n, np.full(n, 1 / n)) for _ in range(resamples))
        start = 0.99 * q + 0.01 * source  # EM cannot leave a zero
        draws = [
            em_prior(probs[w > 0], source, w[w > 0].astype(float), start, 100, 1e-6, strength)
            for w in weights
        ]
    else:
        if held is None:
            raise ValueError("method='bbse' needs held=(logits, y) of labelled held-out data")
        held_z = check_logits(held[0])
        y = check_labels(held[1], len(held_z), c)
        missing = np.flatnonzero(np.bincount(y, minlength=c) == 0)
        if len(missing):
            raise ValueError(
                f"held has no example of class {missing[0]} ({len(missing)} missing): use method='em'"
            )
        decided, held_decided = z.argmax(1), held_z.argmax(1)
        q = bbse_prior(decided, held_decided, y, source)
        draws = []
        for _ in range(resamples):
            rows = np.concatenate([rng.choice(np.flatnonzero(y == k), int((y == k).sum())) for k in range(c)])
            draws.append(bbse_prior(decided[rng.integers(0, n, n)], held_decided[rows], y[rows], source))
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return PriorEstimate(tuple(q.tolist()), tuple(low.tolist()), tuple(high.tolist()), level, method)
