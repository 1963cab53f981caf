"""VectorScaling: one scale and one bias a class, fitted on held-out data.

Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: ``z'_j = w_j z_j + b_j``, by
maximum likelihood.

| symbol | here |
|---|---|
| w, b | ``weight``, ``bias`` |

Differs from the authors' code in the fit: a penalty ``strength / 2 * (|w - 1|^2 + |b|^2)`` in nats, so that
small held-out sets are safe; a class with no held-out example keeps w 1 and b 0. Afterwards the logits
assume the prior of the held-out data, as in :class:`longtail.adjust.BiasTemperature`.
"""

from __future__ import annotations

import numpy as np

from longtail.adjust._minimise import cross_entropy, minimise
from longtail.adjust.affine import Affine, Array, Vector, numbers
from longtail.adjust.bias_temperature import prior_like, warn_if_absent, warn_if_few
from longtail.adjust.inputs import Floats, Ints, check_labels, check_logits, check_prior, check_rows, softmax
from longtail.part import part


def fit_vector_scaling(logits: Floats, y: Ints, strength: float = 1.0) -> tuple[Floats, Floats]:
    """w and b, ``[C]`` each, for held-out ``logits [N, C]`` and labels."""
    c = logits.shape[1]
    share = np.bincount(y, minlength=c) / len(y)
    seen = share > 0
    pull = strength / len(y)
    centred = logits - logits.mean(1, keepdims=True)  # scales act on differences, not on a common offset

    def objective(x: Floats) -> tuple[float, Floats]:
        value, gradient = cross_entropy(centred * (1 + x[:c]) + x[c:], y)
        slope = np.concatenate([np.einsum("nc,nc->c", gradient, centred) * seen, gradient.sum(0) * seen])
        return value + pull * 0.5 * float(x @ x), slope + pull * x

    bend = share * (1 - share) + pull + 1e-9
    spread = np.maximum(centred.var(0), 1e-3)
    x = minimise(objective, np.zeros(2 * c), np.concatenate([bend * spread, bend]))
    return 1 + x[:c], x[c:]


class VectorScaling(Affine):
    """``weight * (logits - mean of the row) + bias``.

    Args:
        weight: w ``[C]``, or None to fit.
        bias: b ``[C]``, or None to fit.
        assumes: the prior ``[C]`` of the held-out data it was fitted on.
        strength: of the pull towards w = 1 and b = 0, in examples.

    Raises:
        ValueError: some but not all of the three fitted values, of different lengths, or one out of range.
    """

    def __init__(
        self,
        weight: Vector | None = None,
        bias: Vector | None = None,
        assumes: Vector | None = None,
        strength: float = 1.0,
    ) -> None:
        given = [v is not None for v in (weight, bias, assumes)]
        if any(given) != all(given):
            raise ValueError(
                "give all of weight, bias and assumes (a fitted adjuster) or none (to be fitted)"
            )
        if not strength >= 0:
            raise ValueError(f"strength={strength} must be 0 or more")
        w = None if weight is None else numbers(weight)
        b = None if bias is None else numbers(bias)
        prior = None if assumes is None else numbers(check_prior("assumes", assumes, len(b or ())))
        if w is not None and b is not None and len(w) != len(b):
            raise ValueError(f"weight has {len(w)} entries and bias has {len(b)}")
        self.assumed_prior, self.strength = prior, strength
        spec = part(VectorScaling, weight=w, bias=b, assumes=prior, strength=strength)
        super().__init__(spec, w, 0.0 if b is None else b)

    def __call__(self, logits: Array) -> Array:
        check_rows(logits, np.size(self.bias))
        return super().__call__(logits - logits.mean(-1)[..., None])

    def fit(self, logits: Array, y: Array) -> VectorScaling:
        """A fitted one, from held-out logits ``[N, C]`` and labels ``[N]``.

        Warns if the held-out part has fewer examples than the 2 C parameters (then the penalty decides much), or none
        of a class (whose scale stays 1 and bias 0).

        Raises:
            ValueError: bad rows, see :func:`longtail.adjust.check_logits`.
        """
        z = check_logits(logits)
        labels = check_labels(y, len(z), z.shape[1])
        warn_if_few(len(z), 2 * z.shape[1], "VectorScaling")
        warn_if_absent(labels, z.shape[1], "VectorScaling")
        weight, bias = fit_vector_scaling(z, labels, self.strength)
        mean = softmax(weight * (z - z.mean(1, keepdims=True)) + bias).mean(0)
        return VectorScaling(weight, bias, mean / mean.sum(), self.strength)

    def assumes(self, before: Array | None) -> Array | None:
        """:attr:`assumed_prior`, whatever was assumed before."""
        return prior_like(self.assumed_prior, before)
