"""The table that ``predict`` gives: what identifies a row, the predictions, and scores where there are labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail.data.asked import Rows
from longtail.formats.columns import find
from longtail.formats.sheet import MISSING, Sheet
from longtail.formats.target import indices_of
from longtail.metrics import Scheme, evaluate, open_set

ENTITIES = ("entity_f1", "entity_f1_macro")
COSTS = ("expected_cost", "cost_saving")
NONE = "none of these"
"""What stands in the place of a class for a row that is rejected."""
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "nll")


def columns_kept(rows: Rows, keep: str | Sequence[str | int]) -> list[str]:
    """The columns of the file to keep; "all" is every one.

    Raises:
        ValueError: no such column; or rows without columns.
    """
    if not keep:
        return []
    if rows.frame is None:
        raise ValueError(f"keep={keep!r}: these rows have no columns to keep")
    if keep == "all" or list(keep) == ["all"]:
        return [str(c) for c in rows.frame.columns]
    asked = [keep] if isinstance(keep, str) else keep
    return [find(Sheet(Path("data"), rows.frame), name, "keep") for name in asked]


def label_column(
    rows: Rows, names: Sequence[str], asked: str | None, trained: str | None, inputs: Sequence[str]
) -> list[Any] | None:
    """The labels beside rows to predict; None where there are none.

    Args:
        asked: the column that the user named.
        trained: the column of labels in training; it serves where the file has it, and no input has its name.

    Raises:
        ValueError: no column of the name that was asked for.
    """
    if asked is not None:
        if rows.frame is None:
            raise ValueError(f"label={asked!r}: these rows have no columns")
        return list(rows.frame[find(Sheet(Path("data"), rows.frame), asked, "label")])
    if rows.frame is not None:
        if trained in rows.frame.columns and trained not in inputs:
            return list(rows.frame[trained])
        return None
    if rows.paths is not None and rows.root is not None:
        # Folders that are called as the classes are labels, as in training.
        tops = [path.relative_to(rows.root).parts[0] for path in rows.paths]
        if set(tops) & set(names):
            return tops
    return None


def predicted_frame(
    rows: Rows,
    kept: Sequence[str],
    labels: Sequence[str | None] | None,
    names: Sequence[str],
    probabilities: Tensor,
    chosen: Tensor,
    rejected: Tensor | None = None,
) -> Any:
    """One row for each row that was read: what it is, its label where that is known, and what was predicted.

    Args:
        rejected: bool ``[N]``, the rows that are given no class.
    """
    import pandas as pd

    out: dict[str, Any] = {}
    if rows.paths is not None:
        out["path"] = [str(p) for p in rows.paths]
    taken = {"path", "prediction", "most_probable", "label", *(f"p_{name}" for name in names)}
    for name in kept:
        out[f"{name} (input)" if name in taken else name] = list(rows.frame[name])
    if labels is not None:
        out["label"] = list(labels)
    out["prediction"] = [names[k] for k in chosen.tolist()]
    if rejected is not None:
        gone = rejected.tolist()
        out["prediction"] = [NONE if no else name for no, name in zip(gone, out["prediction"])]
    out["most_probable"] = [names[k] for k in probabilities.argmax(1).tolist()]
    out |= {f"p_{name}": probabilities[:, k].numpy() for k, name in enumerate(names)}
    return pd.DataFrame(out)


def scored(
    labels: Sequence[Any],
    names: Sequence[str],
    probabilities: Tensor,
    chosen: Tensor,
    prior: Tensor | None,
    costs: Tensor | None = None,
    sequence: Tensor | None = None,
) -> tuple[list[str | None], dict[str, dict[str, float]], str]:
    """The labels as class names, the scores of the rows that have one, and what to say about it.

    Args:
        prior: None: there is none to score under but that of the file.
        costs: of decisions, ``[C, C]`` or ``[N, C, C]``; None: none are declared.
        sequence: the sentence of each row that is a token, ``[N]``; None: rows are none.

    Returns:
        class names, None for a row without a known label; scores under ``prior`` ("declared") and as frequent as in the
        file ("file"), empty where no row has a label; a note.
    """
    y = indices_of(labels, names)
    known = y >= 0
    said = f"labels in the file: {int(known.sum())} of {len(y)} rows have one of the model's classes"
    cells = [names[k] if k >= 0 else None for k in y.tolist()]
    if not bool(known.any()):
        return cells, {}, said + ": no scores"
    p, decided, y = probabilities[known], chosen[known], y[known]
    p = p.double() / p.double().sum(1, keepdim=True)
    cost = costs[known] if costs is not None and costs.dim() == 3 else costs
    scheme = None if sequence is None else Scheme.of(names)
    entities = None if scheme is None or sequence is None else scheme.entities(y, decided, sequence[known])
    found = {"file": evaluate(p, y, decisions=decided, costs=cost, entities=entities)}
    if prior is not None and bool(prior[y.unique()].sum() > 0):  # classes of the file that the prior knows
        found = {
            "declared": evaluate(p, y, prior=prior, decisions=decided, costs=cost, entities=entities),
            **found,
        }
    shown = (*(() if cost is None else COSTS), *(() if entities is None else ENTITIES), *SCORES)
    return cells, {k: {name: float(v[name]) for name in shown} for k, v in found.items()}, said


def scored_open(
    labels: Sequence[Any], names: Sequence[str], probabilities: Tensor, below: float
) -> dict[str, float]:
    """How well rows of none of the classes are rejected, and the others classified, by the labels in the file.

    A label that is none of the classes says that the row is of none; a row without a label is left out.

    Args:
        below: the largest probability below which a row is rejected.

    Returns:
        the scores of :func:`longtail.metrics.open_set`; empty where no row has a label of the model's classes.
    """
    y = indices_of(labels, names)
    said = [cell == cell and cell is not None and str(cell).strip().lower() not in MISSING for cell in labels]
    has = (y >= 0) | torch.tensor(said, dtype=torch.bool)
    if not bool((y >= 0).any()):
        return {}
    p = probabilities[has].double()
    return open_set(p / p.sum(1, keepdim=True), y[has], threshold=1 - below, score=1 - p.amax(1))
