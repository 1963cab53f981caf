"""A small deterministic L-BFGS for smooth convex problems in float64, and the loss that calibrators fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from longtail.adjust.inputs import Floats, Ints

Objective = Callable[[Floats], tuple[float, Floats]]


def minimise(
    objective: Objective, x: Floats, curvature: Floats, limit: int = 300, tolerance: float = 1e-8
) -> Floats:
    """The minimiser of ``objective`` (value and gradient), from ``x``.

    Args:
        objective: value and gradient at a point.
        x: where to start.
        curvature: a rough guess of the second derivatives, to put the variables on one scale.
        limit: most iterations.
        tolerance: stop when no gradient entry on that scale exceeds it.
    """
    unit = 1 / np.sqrt(curvature)
    return unit * _lbfgs(lambda u: _scaled(objective, unit, u), x / unit, limit, tolerance)


def _scaled(objective: Objective, unit: Floats, u: Floats) -> tuple[float, Floats]:
    value, gradient = objective(unit * u)
    return value, unit * gradient


def _lbfgs(objective: Objective, x: Floats, limit: int, tolerance: float, memory: int = 20) -> Floats:
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
        bend = float(s @ change)
        if bend > 1e-16:
            steps = [*steps[-(memory - 1) :], (s, change, bend)]
        x, value, gradient = candidate, new_value, new_gradient
    return x


def cross_entropy(logits: Floats, y: Ints) -> tuple[float, Floats]:
    """Mean negative log-likelihood in nats, and its gradient for the logits, ``[N, C]``."""
    gradient: Floats = logits - logits.max(1, keepdims=True)
    rows = np.arange(len(y))
    right = gradient[rows, y]
    np.exp(gradient, out=gradient)
    total = gradient.sum(1, keepdims=True)
    value = float((np.log(total[:, 0]) - right).mean())
    gradient /= total * len(y)
    gradient[rows, y] -= 1 / len(y)
    return value, gradient


def _apply_inverse(steps: list[tuple[Floats, Floats, float]], gradient: Floats) -> Floats:
    q, alphas = gradient.copy(), []
    for s, change, bend in reversed(steps):
        alpha = float(s @ q) / bend
        q -= alpha * change
        alphas.append(alpha)
    if steps:
        _, change, bend = steps[-1]
        q *= bend / float(change @ change)
    for (s, change, bend), alpha in zip(steps, reversed(alphas)):
        q += (alpha - float(change @ q) / bend) * s
    return q
