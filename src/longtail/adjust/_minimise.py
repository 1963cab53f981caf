"""A small deterministic L-BFGS for smooth convex problems in float64, and the loss that calibrators fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from longtail.adjust.inputs import Floats, Ints

Objective = Callable[[Floats], tuple[float, Floats]]


def minimise(
    objective: Objective, x: Floats, memory: int = 20, limit: int = 500, tolerance: float = 1e-9
) -> Floats:
    """The minimiser of ``objective`` (value and gradient), from ``x``, until no gradient entry exceeds
    ``tolerance``.
    """
    value, gradient = objective(x)
    steps: list[tuple[Floats, Floats, float]] = []
    for _ in range(limit):
        if np.abs(gradient).max(initial=0.0) <= tolerance:
            break
        direction = -_apply_inverse(steps, gradient)
        slope = float(direction @ gradient)
        if slope >= 0:
            steps, direction, slope = [], -gradient, -float(gradient @ gradient)
        size = 1.0
        while True:  # Armijo back-tracking
            candidate = x + size * direction
            new_value, new_gradient = objective(candidate)
            if new_value <= value + 1e-4 * size * slope or size < 1e-12:
                break
            size *= 0.5
        if new_value >= value:  # no further progress in float64
            break
        s, change = candidate - x, new_gradient - gradient
        curvature = float(s @ change)
        if curvature > 1e-16:
            steps = [*steps[-(memory - 1) :], (s, change, curvature)]
        x, value, gradient = candidate, new_value, new_gradient
    return x


def cross_entropy(logits: Floats, y: Ints) -> tuple[float, Floats]:
    """Mean negative log-likelihood in nats, and its gradient for the logits, ``[N, C]``."""
    z = logits - logits.max(1, keepdims=True)
    e = np.exp(z)
    total = e.sum(1, keepdims=True)
    rows = np.arange(len(y))
    value = float((np.log(total[:, 0]) - z[rows, y]).mean())
    gradient: Floats = e / total
    gradient[rows, y] -= 1
    return value, gradient / len(y)


def _apply_inverse(steps: list[tuple[Floats, Floats, float]], gradient: Floats) -> Floats:
    q, alphas = gradient.copy(), []
    for s, change, curvature in reversed(steps):
        alpha = float(s @ q) / curvature
        q -= alpha * change
        alphas.append(alpha)
    if steps:
        _, change, curvature = steps[-1]
        q *= curvature / float(change @ change)
    for (s, change, curvature), alpha in zip(steps, reversed(alphas)):
        q += (alpha - float(change @ q) / curvature) * s
    return q
