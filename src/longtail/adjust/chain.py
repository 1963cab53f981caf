"""Chain: adjusters one after another, say a calibration and then a shift of the prior; saved and loaded as
one.
"""

from __future__ import annotations

from typing import Any

from longtail.adjust.affine import Affine, Array
from longtail.part import part, to_json


class Chain:
    """``adjusters[-1](... adjusters[0](logits))``.

    Args:
        adjusters: at least one.

    Raises:
        ValueError: none.

    >>> import numpy as np
    >>> from longtail.adjust import PriorShift, Temperature
    >>> Chain((Temperature(2.0), PriorShift([0.5, 0.5])))(np.array([[4.0, -2.0]])).round(3).tolist()
    [[2.693, -0.307]]
    """

    works_on = "logits"

    def __init__(self, adjusters: tuple[Affine, ...]) -> None:
        if not adjusters:
            raise ValueError("adjusters is empty: a chain needs at least one")
        self.adjusters = tuple(adjusters)
        self.spec = part(Chain, adjusters=tuple(a.spec for a in self.adjusters))
        self.keeps_argmax = all(a.keeps_argmax for a in self.adjusters)

    @property
    def fitted(self) -> bool:
        """Is nothing left to fit?"""
        return all(a.fitted for a in self.adjusters)

    def __call__(self, logits: Array) -> Array:
        for adjuster in self.adjusters:
            logits = adjuster(logits)
        return logits

    def fit(self, logits: Array, y: Array) -> Chain:
        """Fit each that has a ``fit`` and is not fitted, on held-out logits as its forerunners leave them."""
        done: list[Affine] = []
        for adjuster in self.adjusters:
            done.append(adjuster if adjuster.fitted else adjuster.fit(logits, y))  # type: ignore[attr-defined]
            logits = done[-1](logits)
        return Chain(tuple(done))

    def assumes(self, before: Array | None) -> Array | None:
        """What the logits assume after all of them."""
        for adjuster in self.adjusters:
            before = adjuster.assumes(before)  # type: ignore[attr-defined]
        return before

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and strings, from which :func:`longtail.adjust.from_json` rebuilds it."""
        data: dict[str, Any] = to_json(self.spec)
        return data

    def __repr__(self) -> str:
        return repr(self.spec)
