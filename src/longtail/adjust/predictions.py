"""Predictions of any model: what it said about N examples, and their labels where they are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from longtail.adjust.inputs import Floats, Ints, check_logits, check_probabilities, log_probabilities
from longtail.by_class import places, plain

KINDS = ("probabilities", "logits")
UNKNOWN = -1
"""The label of a row whose class is not known."""
NO_LABEL = frozenset({"", "na", "n/a", "nan", "none", "null", "<na>", "?"})
"""What files write where there is no label, in small letters; a class of that name is a class all the same."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model said about N examples.

    Attributes:
        logits: float64 ``[N, C]``; the logarithm of the probabilities where those were given.
        y: class indices, int64 ``[N]``, -1 where a row has no label; None where no row has one.
        names: one per class, in the order of the columns.
        others: further columns of the file (an id, say) by name, which are written back; in the rows' order.
        notes: what was noticed in reading.
    """

    logits: Floats
    y: Ints | None
    names: tuple[str, ...]
    others: Any = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.logits)

    @property
    def labelled(self) -> Ints:
        """The rows that have a label."""
        return np.empty(0, dtype=np.int64) if self.y is None else np.flatnonzero(self.y >= 0)

    @classmethod
    def of(
        cls, values: Any, kind: str, label: Any | None = None, names: Sequence[str] | None = None
    ) -> Predictions:
        """Predictions from arrays or tensors.

        Args:
            values: ``[N, C]``; for two classes ``[N]`` or ``[N, 1]`` will do, for the second of them.
            kind: ``"probabilities"`` or ``"logits"``.
            label: class names or class indices ``[N]``; names where one of them is a name. None, NaN, "" and "NA" (if it
                is no class) mean that a row has no label.
            names: one per class; default ``"0"``, ``"1"`` ...

        Raises:
            ValueError: unknown ``kind``, rows that are none of that kind (the row is named), an unknown
                label, or another number of names than columns.

        >>> Predictions.of([[0.9, 0.1]], "probabilities", ["cat"], ["cat", "dog"]).y.tolist()
        [0]
        >>> Predictions.of([0.25], "probabilities", [1]).logits.round(3).tolist()
        [[-0.288, -1.386]]
        """
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} must be 'probabilities' or 'logits'")
        values = both(values, kind)
        if kind == "probabilities":
            p = check_probabilities(values)
            logits = check_logits(log_probabilities(p / p.sum(1, keepdims=True)))
        else:
            logits = check_logits(values)
        n, c = logits.shape
        called = tuple(map(str, range(c))) if names is None else tuple(map(str, names))
        if len(called) != c or len(set(called)) != c:
            raise ValueError(f"names has {len(set(called))} different entries for {c} columns")
        y = None if label is None else label_indices(label, called, n)
        unknown = 0 if y is None else int((y < 0).sum())
        if unknown == n:
            return cls(logits, None, called)
        said = f"{unknown:,} of {n:,} rows have no label: they are adjusted, and left out of the scores"
        return cls(logits, y, called, notes=(said,) if unknown else ())


def both(values: Any, kind: str) -> Any:
    """Two columns from one: ``1 - p`` beside p, 0 beside a logit. Anything else as it is."""
    values = values.detach().cpu().numpy() if hasattr(values, "detach") else values
    one = (
        np.asarray(values, dtype=np.float64) if np.ndim(values) == 1 or np.shape(values)[1:] == (1,) else None
    )
    if one is None:
        return values
    one = one.reshape(-1)
    outside = (one < 0) | (one > 1)
    if kind == "probabilities" and outside.any():
        row = int(outside.argmax())
        raise ValueError(f"probs row {row} is {one[row]:g}, outside [0, 1]: are these logits?")
    return np.stack([1 - one if kind == "probabilities" else np.zeros_like(one), one], 1)


def label_indices(label: Any, names: tuple[str, ...], rows: int) -> Ints:
    """Class indices ``[N]`` of labels given by name or by index, -1 where there is none."""
    import pandas

    array = label.detach().cpu().numpy() if hasattr(label, "detach") else np.asarray(label)
    if array.shape != (rows,):
        raise ValueError(f"label has shape {array.shape}; expected one for each of the {rows} rows")
    codes, values = pandas.factorize(array)
    known = frozenset(names)
    found = [str(v) in known or str(v).strip().lower() not in NO_LABEL for v in values]  # is it a label?
    spelled = [unguarded(v, known) for v in values]
    where = places([v for v, is_one in zip(spelled, found) if is_one], names)
    if None in where:
        strange = [k for k, is_one in enumerate(found) if is_one][where.index(None)]
        numbered = list(names) == [str(k) for k in range(len(names))]
        remedy = "; if the columns are numbered, name their classes with classes=" if numbered else ""
        raise ValueError(
            f"label row {int((codes == strange).argmax())} is {plain(values[strange])!r}, which is no class of "
            f"{list(names)[:10]}, nor is every label one of the indices 0..{len(names) - 1}{remedy}"
        )
    place = iter(where)
    index = np.array([next(place) if is_one else UNKNOWN for is_one in found] + [UNKNOWN], dtype=np.int64)
    return index[codes]  # the last is for code -1, a missing value


def unguarded(value: Any, names: frozenset[str]) -> Any:
    """A label without the quote that keeps spreadsheets from running it."""
    if isinstance(value, str) and value[:1] == "'" and value not in names and value[1:] in names:
        return value[1:]
    return value
