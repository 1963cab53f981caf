"""Weights of several experts for a test set of unknown class prior, from its unlabelled inputs (SADE).

Source: Zhang et al., "Self-Supervised Aggregation of Diverse Experts for Test-Agnostic Long-Tailed Recognition", NeurIPS
2022, section 4.3: the experts that are strong on the classes of the test set give two views of an input similar
predictions, so ``max_a mean cos(softmax(z~(x1)), softmax(z~(x2)))`` with ``z~ = sum_k softmax(a)_k z_k``.

| symbol | here |
|---|---|
| x1, x2 | two views of the same inputs, whose expert logits are ``first`` and ``second`` |
| a, from equal entries, by SGD (.1, Nesterov .9, decay 5e-4; 128 a batch, 5 epochs) | ``lr``, ``batch``, ``epochs`` |
| stop when a weight falls below .05 | ``floor`` |

Where the prior is known, don't: the logits of ``longtail.recipes.sade`` carry a closed-form prior, so
``predict_proba(prior)`` is all there is to do. ``longtail.surgery.WeighExperts`` puts the weights into the net.

Differs from the authors' code in the batches, shuffled from ``seed``, and in ``floor``, looked at after every step.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from longtail.adjust.inputs import Floats, as_array, softmax


def agreement(first: Floats, second: Floats, weights: Floats) -> tuple[float, Floats]:
    """Mean cosine of the two views' weighted predictions, and its gradient for the ``weights`` ``[K]``.

    Args:
        first, second: expert logits ``[N, K, C]``.

    >>> z = np.array([[[2.0, 0.0], [0.0, 1.0]]])
    >>> round(agreement(z, z, np.array([0.5, 0.5]))[0], 6)
    1.0
    """
    p, q = (softmax(np.einsum("k,nkc->nc", weights, z)) for z in (first, second))
    norm_p, norm_q = (np.linalg.norm(v, axis=1, keepdims=True) for v in (p, q))
    cos = (p * q).sum(1, keepdims=True) / (norm_p * norm_q)
    gradient = np.zeros_like(weights)
    for z, mine, other, norm, norm_other in (
        (first, p, q, norm_p, norm_q),
        (second, q, p, norm_q, norm_p),
    ):
        g = other / (norm * norm_other) - cos * mine / norm**2
        of_logits = mine * (g - (g * mine).sum(1, keepdims=True))
        gradient += np.einsum("nc,nkc->k", of_logits, z) / len(z)
    return float(cos.mean()), gradient


def expert_weights(
    first: Any,
    second: Any,
    *,
    epochs: int = 5,
    batch: int = 128,
    lr: float = 0.1,
    floor: float = 0.05,
    seed: int = 0,
) -> tuple[float, ...]:
    """Weights of K experts, positive and summing to 1.

    Args:
        first: expert logits ``[N, K, C]`` of one view of unlabelled test inputs, as ``net.head.each`` gives.
        second: of another view of the same inputs.
        epochs, batch, lr: of the SGD.
        floor: it stops when a weight falls below; 0 goes on to the end.
        seed: of the batches.

    Raises:
        ValueError: shapes that differ or are not ``[N, K, C]``, values that are not finite, numbers out of range.

    >>> rng = np.random.default_rng(0)
    >>> steady = rng.normal(size=(256, 1, 4)) * 3
    >>> views = [np.concatenate([steady, rng.normal(size=(256, 1, 4)) * 3], 1) for _ in range(2)]
    >>> w = expert_weights(*views)
    >>> w[0] > w[1]
    True
    """
    one, two = (as_array(z).astype(np.float64) for z in (first, second))
    if one.ndim != 3 or one.shape != two.shape or 0 in one.shape:
        raise ValueError(
            f"first {one.shape} and second {two.shape} must be expert logits [N, K, C] of one shape"
        )
    if not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise ValueError("first or second holds nan or infinity: look for a diverged model")
    k = one.shape[1]
    if epochs < 1 or batch < 1 or not lr > 0 or not 0 <= floor < 1 / k:
        raise ValueError(f"epochs={epochs}, batch={batch}, lr={lr}, floor={floor}: need floor in [0, 1/{k})")
    rng = np.random.default_rng(seed)
    a, speed = np.full(k, 1 / k), None
    weights: Floats = softmax(a[None])[0]
    for _ in range(epochs):
        order = rng.permutation(len(one))
        for start in range(0, len(one), batch):
            rows = order[start : start + batch]
            gradient = agreement(one[rows], two[rows], weights)[1]
            ascent = weights * (gradient - weights @ gradient)  # through the softmax of a
            g = -ascent + 5e-4 * a
            speed = g if speed is None else 0.9 * speed + g
            a = a - lr * (g + 0.9 * speed)
            weights = softmax(a[None])[0]
            if weights.min() < floor:
                return tuple(weights.tolist())
    return tuple(weights.tolist())
