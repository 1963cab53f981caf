"""What all adjusters of logits share: ``z' = scale * z + bias`` on numpy arrays and torch tensors alike.

This room imports numpy and the standard library only, so that a saved adjuster runs where torch is not
installed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from longtail.adjust.inputs import check_rows
from longtail.part import Part, to_json

Array = Any  # a numpy array or a torch tensor; what comes in decides what goes out
Vector = Sequence[float] | Any  # a sequence of numbers, a numpy array or a torch tensor


def affine(logits: Array, scale: Vector | float, bias: Vector | float) -> Array:
    """``scale * logits + bias`` over the last axis; same kind and dtype out as in. The input is not changed.

    >>> affine(np.array([[1.0, 2.0]]), 2.0, [0.0, 1.0])
    array([[2., 5.]])
    """
    return logits * like(scale, logits) + like(bias, logits)


def like(vector: Vector | float, x: Array) -> Array:
    """``vector`` as the kind, dtype and device of ``x``."""
    values = np.asarray(vector, dtype=np.float64)
    if hasattr(x, "new_tensor"):
        return x.new_tensor(values.tolist())
    return values.astype(x.dtype if np.issubdtype(x.dtype, np.floating) else np.float64)


def numbers(vector: Vector) -> tuple[float, ...]:
    """Plain floats from a sequence, a numpy array or a torch tensor (on any device).

    Raises:
        ValueError: NaN or infinity.
    """
    array = vector.detach().cpu().numpy() if hasattr(vector, "detach") else vector
    out = tuple(float(v) for v in np.asarray(array, dtype=np.float64).reshape(-1))
    if bad := [v for v in out if not math.isfinite(v)]:
        raise ValueError(f"the numbers of an adjuster must be finite, and one is {bad[0]}: {out[:8]}")
    return out


class Affine:
    """An adjuster of the form ``scale * logits + bias``; each adjuster of this room is one.

    Attributes:
        spec: the part that rebuilds it, fitted values included: plain numbers.
        scale: a number or one per class; None: not fitted yet.
        bias: a number or one per class.
        keeps_argmax: can the predicted class not change?
    """

    works_on = "logits"

    def __init__(
        self,
        spec: Part[Any],
        scale: Vector | float | None,
        bias: Vector | float = 0.0,
        keeps_argmax: bool = False,
    ) -> None:
        self.spec, self.scale, self.bias, self.keeps_argmax = spec, scale, bias, keeps_argmax

    def __call__(self, logits: Array) -> Array:
        """Adjusted logits ``[..., C]``, numpy or torch as they came.

        Raises:
            RuntimeError: not fitted.
            ValueError: another number of classes, or probabilities in place of logits.
        """
        if self.scale is None:
            raise RuntimeError(
                f"{type(self).__name__} is not fitted: call fit(logits, y) on held-out data first"
            )
        check_rows(logits, max(np.size(self.scale), np.size(self.bias)))
        return affine(logits, self.scale, self.bias)

    @property
    def fitted(self) -> bool:
        """Is nothing left to fit?"""
        return self.scale is not None

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings, from which :func:`longtail.adjust.from_json` rebuilds it."""
        data: dict[str, Any] = to_json(self.spec)
        return data

    def __repr__(self) -> str:
        return repr(self.spec)
