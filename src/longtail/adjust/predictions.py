"""Saved predictions of any model: read from csv, tsv, parquet or npz, and written back in the same format.

Columns are ``p_0 .. p_{C-1}`` or ``logit_0 ..``, or ``p_<class>``, ``logit_<class>``, or bare class names,
and ``label`` (an index or a class name; optional). In an npz: ``probs`` or ``logits`` ``[N, C]``, and
``label`` ``[N]``. What the columns hold is never guessed: bare class names need ``kind``, and a file whose
numbers contradict its names is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from longtail.adjust.inputs import (
    Floats,
    Ints,
    check_labels,
    check_logits,
    check_probabilities,
    log_probabilities,
    looks_like_probabilities,
)

KINDS = ("probabilities", "logits")
PREFIX = {"p_": "probabilities", "logit_": "logits"}


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model said about N examples.

    Attributes:
        logits: float64 ``[N, C]``; the logarithm of the probabilities where those were given.
        y: class indices, int64 ``[N]``, or None where the labels are unknown.
        names: one a class.
    """

    logits: Floats
    y: Ints | None
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.logits)

    @classmethod
    def of(
        cls, values: Any, kind: str, label: Any | None = None, names: Sequence[str] | None = None
    ) -> Predictions:
        """Predictions from arrays or tensors.

        Args:
            values: ``[N, C]``.
            kind: ``"probabilities"`` or ``"logits"``.
            label: class indices or class names ``[N]``.
            names: one a class; default ``"0"``, ``"1"`` ...

        Raises:
            ValueError: unknown ``kind``, rows that are none of that kind (the row is named), an unknown
                label, or another number of names than columns.

        >>> Predictions.of([[0.9, 0.1]], "probabilities", ["cat"], ["cat", "dog"]).y.tolist()
        [0]
        """
        if kind not in KINDS:
            raise ValueError(f"kind={kind!r} must be 'probabilities' or 'logits'")
        if kind == "probabilities":
            p = check_probabilities(values)
            logits = check_logits(log_probabilities(p / p.sum(1, keepdims=True)))
        else:
            logits = check_logits(values)
        n, c = logits.shape
        called = tuple(map(str, range(c))) if names is None else tuple(map(str, names))
        if len(called) != c or len(set(called)) != c:
            raise ValueError(f"names has {len(set(called))} different entries for {c} columns")
        y = None if label is None else check_labels(_indices(label, called), n, c)
        return cls(logits, y, called)


def read_counts(path: str | Path) -> tuple[Ints, tuple[str, ...] | None]:
    """Training counts ``[C]`` and class names from JSON: ``[5000, 50]`` or ``{"cat": 5000, "dog": 50}``.

    Raises:
        ValueError: neither form, fewer than two classes, or a count that is no whole number from 0 on.
    """
    data = json.loads(Path(path).read_text())
    names = tuple(data) if isinstance(data, dict) else None
    values = list(data.values()) if isinstance(data, dict) else data
    if not isinstance(values, list) or len(values) < 2:
        raise ValueError(
            f'{path}: counts must be a list or an object of two classes or more, as {{"cat": 5000}}'
        )
    for k, v in enumerate(values):
        if isinstance(v, bool) or not isinstance(v, int | float) or v != int(v) or v < 0:
            raise ValueError(
                f"{path}: count {v!r} of class {names[k] if names else k} is no whole number from 0 on"
            )
    return np.array(values, dtype=np.int64), names


def read_predictions(
    path: str | Path, names: Sequence[str] | None = None, kind: str | None = None, label: str = "label"
) -> Predictions:
    """The predictions in a file.

    Args:
        path: ``.csv``, ``.tsv``, ``.parquet`` or ``.npz``.
        names: class names, where columns or labels use them (the keys of the counts file).
        kind: ``"probabilities"`` or ``"logits"``; needed where the columns are bare class names.
        label: the column of labels; it may be missing.

    Raises:
        ValueError: another ending, no class columns, a gap in them, values that contradict the kind, or bad
            rows.
    """
    path = Path(path)
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
        found = [key for key in ("probs", "logits") if key in arrays]
        if len(found) != 1:
            raise ValueError(f"{path}: needs one array named 'probs' or 'logits', it has {sorted(arrays)}")
        stored = _agreed(path, "probabilities" if found[0] == "probs" else "logits", kind)
        return Predictions.of(arrays[found[0]], stored, arrays.get(label), names)
    table = _table(path)
    columns, said, called = _class_columns(path, list(table.columns), names, label)
    values = table[columns].to_numpy(dtype=np.float64)
    if said is None and kind is None:
        like = "probabilities" if looks_like_probabilities(values) else "logits"
        raise ValueError(
            f"{path}: columns named by class alone do not say what they hold; they look like {like}: pass kind='{like}' "
            "if they are"
        )
    labels = table[label].to_numpy() if label in table.columns else None
    return Predictions.of(values, _agreed(path, said, kind), labels, names or called)


def write_predictions(predictions: Predictions, decided: Ints, path: str | Path) -> None:
    """Write probabilities, the decision and the label (where known), in the format of ``path``'s ending.

    Raises:
        ValueError: another ending than ``read_predictions`` takes.
    """
    path = Path(path)
    e = np.exp(predictions.logits - predictions.logits.max(1, keepdims=True))
    probs = e / e.sum(1, keepdims=True)
    if path.suffix == ".npz":
        arrays: dict[str, Any] = {"probs": probs, "predicted": decided}
        np.savez(path, **(arrays if predictions.y is None else {**arrays, "label": predictions.y}))
        return
    import pandas

    named = np.array(predictions.names)
    table = pandas.DataFrame(probs, columns=[f"p_{name}" for name in predictions.names])
    table["predicted"] = named[decided]
    if predictions.y is not None:
        table["label"] = named[predictions.y]
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix in (".csv", ".tsv"):
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    else:
        raise ValueError(f"{path}: predictions are written as .csv, .tsv, .parquet or .npz")


def _table(path: Path) -> Any:
    import pandas

    if path.suffix == ".parquet":
        return pandas.read_parquet(path)
    if path.suffix in (".csv", ".tsv"):
        return pandas.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
    raise ValueError(f"{path}: predictions are read from .csv, .tsv, .parquet or .npz")


def _class_columns(
    path: Path, columns: list[str], names: Sequence[str] | None, label: str
) -> tuple[list[str], str | None, tuple[str, ...]]:
    """The class columns in class order, what their names say they hold, and the class names."""
    for prefix, said in PREFIX.items():
        found = [c for c in columns if c.startswith(prefix) and c != label]
        if not found:
            continue
        rest = [c.removeprefix(prefix) for c in found]
        wanted = list(map(str, range(len(found)))) if all(r.isdigit() for r in rest) else list(names or rest)
        if missing := [w for w in wanted if w not in rest]:
            raise ValueError(f"{path}: there is no column {prefix + missing[0]!r}; it has {found}")
        return [prefix + w for w in wanted], said, tuple(wanted)
    if names is None:
        raise ValueError(
            f"{path}: no column begins with 'p_' or 'logit_'; give the class names (a counts file with names) if the "
            f"columns are named by class; it has {columns}"
        )
    if missing := [n for n in names if n not in columns]:
        raise ValueError(f"{path}: there is no column for class {missing[0]!r}; it has {columns}")
    return list(names), None, tuple(names)


def _agreed(path: Path, said: str | None, kind: str | None) -> str:
    if said is not None and kind is not None and said != kind:
        raise ValueError(
            f"{path}: its columns are named as {said}, and kind='{kind}': rename them or leave kind out"
        )
    return kind or str(said)


def _indices(label: Any, names: tuple[str, ...]) -> Any:
    """Class indices from indices or from names; text that is a name wins over text that is a number."""
    array = label.detach().cpu().numpy() if hasattr(label, "detach") else np.asarray(label)
    if np.issubdtype(array.dtype, np.integer):
        return array
    where: Mapping[str, int] = {name: k for k, name in enumerate(names)}
    out = np.empty(len(array), dtype=np.int64)
    for row, value in enumerate(array.tolist()):
        if str(value) not in where:
            raise ValueError(f"label row {row} is {value!r}, which is no class of {list(names)[:10]}")
        out[row] = where[str(value)]
    return out
