"""Temperature: one number that makes over-confident probabilities honest, predictions unchanged.

Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: ``z' = z / T``, T by maximum
likelihood on held-out data.

| symbol | here |
|---|---|
| T | ``temperature`` |

Differs from the authors' code in the fit: a penalty ``strength / 2 * (log T)^2`` in nats (its weight against
N held-out examples falls as 1/N), so that a handful of separable examples does not send T to 0.
"""

from __future__ import annotations

import numpy as np

from longtail.adjust._minimise import cross_entropy, minimise
from longtail.adjust.affine import Affine, Array
from longtail.adjust.inputs import Floats, Ints, check_labels, check_logits
from longtail.part import part


def fit_temperature(logits: Floats, y: Ints, strength: float = 1.0) -> float:
    """T for held-out ``logits [N, C]`` and labels.

    >>> z = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [0.0, 4.0]] * 250)
    >>> round(fit_temperature(z, np.array([0, 0, 1, 1] * 250)), 1)  # sure at 98 %, right in 3 of 4
    3.6
    """

    def objective(u: Floats) -> tuple[float, Floats]:
        scaled = logits * np.exp(np.clip(u, -30, 30))  # a first step may be wild
        value, gradient = cross_entropy(scaled, y)
        slope = float(np.vdot(gradient, scaled))
        return value + strength / len(y) * 0.5 * float(u @ u), np.array([slope]) + strength / len(y) * u

    return float(np.exp(-minimise(objective, np.zeros(1), np.ones(1))[0]))


class Temperature(Affine):
    """``logits / temperature``.

    Args:
        temperature: T > 0; None means :meth:`fit` finds it.
        strength: of the pull towards T = 1, in examples.

    Raises:
        ValueError: T or ``strength`` out of range.
    """

    def __init__(self, temperature: float | None = None, strength: float = 1.0) -> None:
        if temperature is not None and not 0 < temperature < np.inf:
            raise ValueError(f"temperature={temperature} must be positive")
        if not strength >= 0:
            raise ValueError(f"strength={strength} must be 0 or more")
        self.temperature, self.strength = temperature, strength
        spec = part(Temperature, temperature=temperature, strength=strength)
        super().__init__(spec, None if temperature is None else 1 / temperature, keeps_argmax=True)

    def fit(self, logits: Array, y: Array) -> Temperature:
        """A fitted one, from held-out logits ``[N, C]`` and labels ``[N]``.

        Raises:
            ValueError: bad rows, see :func:`longtail.adjust.check_logits`.
        """
        z = check_logits(logits)
        return Temperature(
            fit_temperature(z, check_labels(y, len(z), z.shape[1]), self.strength), self.strength
        )

    def assumes(self, before: Array | None) -> Array | None:
        """``before``: the classifier is as sure as it should be, under the prior it assumed."""
        return before
