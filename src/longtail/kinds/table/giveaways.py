"""Columns that give the label away: a second name of it, its one-hot copies, a score of it. A model that reads them looks
perfect, and is of no use where they are not known.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail.labels import Labels

LEAST = 5
"""Fewer rows than this of a class are told apart by some column by chance."""

SAMPLE = 5000
"""So many rows acquit most columns."""


def giveaways(raw: Any, labels: Labels) -> tuple[str, ...]:
    """What to warn of, one line for each kind of column.

    A column of words, or one of few different values, gives the label away where each of its values goes with one
    class. A
    column is a one-hot copy of a class where it has one value for that class and another for the rest; being filled in
    or not
    counts as two values. Columns of 0 and 1 that with a label of two classes make one-hot rows are found together. A
    column of numbers is a score of the label where the classes lie in intervals of it that do not
    overlap. Only what holds in every row is said, and only of classes with ``LEAST`` rows or more.

    >>> import pandas as pd
    >>> y = Labels.of([0] * 30 + [1] * 10, ["healthy", "sick"])
    >>> frame = pd.DataFrame({"diagnosis": ["-"] * 30 + ["I10"] * 10, "age": range(40, 80)})
    >>> giveaways(frame.assign(age=[50, 60, 55, 45] * 10), y)[0][:62]
    "column 'diagnosis' is the label under another name: each of it"
    """
    sizes = labels.counts
    big = [c for c in (sizes >= LEAST).nonzero().flatten().tolist() if len(labels) - sizes[c] >= LEAST]
    if not big or len(labels) - int(sizes.max()) < LEAST:
        return ()
    sample = _spread(labels)
    named: list[str] = []
    copies: dict[str, str] = {}
    filled: dict[str, str] = {}
    scores: list[str] = []
    for name in raw.columns:
        column = raw[name]
        found = _guilty(
            column.iloc[sample.numpy()], labels.take(sample), big, whole=len(sample) == len(labels)
        )
        if found is not None and len(sample) < len(labels):
            found = _guilty(column, labels, big, whole=True)
        if found is None:
            continue
        how, c = found
        if how == "name":
            named.append(str(name))
        elif how == "score":
            scores.append(str(name))
        else:
            (copies if how == "copy" else filled)[str(name)] = labels.names[c]
    out = []
    leave = "leave out what is not known before the label is (--features names the columns to keep)"
    if named:
        out.append(
            f"{_columns(named)} the label under another name: each of its values goes with one class; {leave}"
        )
    if copies:
        classes = ", ".join(map(str, copies.values()))
        out.append(f"{_columns(list(copies))} one-hot copies of the label (class {classes}); {leave}")
    if block := _block(raw, labels, sample):
        out.append(
            f"{_columns(block)} one-hot with the label: in every row exactly one of them and the label is 1; make one"
            " column of classes of them, and that the label"
        )
    if filled:
        out.append(
            f"{_columns(list(filled))} filled in for one class only, or for all but one"
            f" ({', '.join(map(str, filled.values()))}); {leave}"
        )
    if scores:
        out.append(
            f"{_columns(scores)} as good as the label: its numbers separate the classes without a single error; {leave}"
        )
    return tuple(out)


def _guilty(column: Any, labels: Labels, big: list[int], whole: bool) -> tuple[str, int] | None:
    """ "copy", "filled", "name" or "score", and the class (-1 for all); None for a column that tells nothing for sure."""
    import pandas as pd

    y, c = labels.y, labels.num_classes
    gone = torch.tensor(column.isna().to_numpy(dtype=bool))
    numbers = pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_datetime64_any_dtype(
        column.dtype
    )
    if bool(gone.any()) and (k := _indicates(gone.long(), labels, big)) is not None:
        return "filled", k
    codes_, values = pd.factorize(column, use_na_sentinel=False)
    codes, many = torch.from_numpy(codes_.astype("int64")), len(values)
    if many < 2:
        return None
    if many == 2 and c > 2 and (k := _indicates(codes, labels, big)) is not None:
        return "copy", k
    low = torch.full((many,), c).scatter_reduce(0, codes, y, "amin")
    high = torch.full((many,), -1).scatter_reduce(0, codes, y, "amax")
    # With a value for nearly every row, each goes with one class whatever it is; some rows do not tell how many there
    # are.
    few = (
        many <= max(c, len(y) // LEAST // 2) and _often(codes, many)
        if whole
        else not numbers or many < len(y) / 2
    )
    if few and bool((low == high).all()):
        return "name", -1
    if not numbers:
        return None
    x = torch.tensor(
        column[~gone.numpy()].astype("int64" if column.dtype.kind == "M" else "float64").to_numpy()
    )
    return ("score", -1) if _separates(x.double(), y[~gone], labels) else None


def _indicates(two: Tensor, labels: Labels, big: list[int]) -> int | None:
    """The class that has one of two values (0 and 1) where all other classes have the other."""
    ones = torch.zeros(labels.num_classes, dtype=torch.int64).scatter_add_(0, labels.y, two)
    counts, total = labels.counts, int(two.sum())
    for k in big:
        of_class = int(ones[k])
        rest = total - of_class
        if (of_class == counts[k] and rest == 0) or (of_class == 0 and rest == len(labels) - counts[k]):
            return k
    return None


def _block(raw: Any, labels: Labels, sample: Tensor) -> list[str]:
    """Columns of 0 and 1 beside each other that sum to 1 outside one of two classes and to 0 in it: the label is one
    column of a one-hot block.
    """
    import numpy as np

    if labels.num_classes != 2:
        return []
    y, some = labels.y.numpy(), sample.numpy()
    for k in (1, 0):
        runs: list[list[str]] = [[]]
        for name in raw.columns:
            x = raw[name].iloc[some].to_numpy() if raw[name].dtype.kind in "fiub" else np.array([np.nan])
            fits = bool(np.isin(x, (0.0, 1.0)).all()) and not x[y[some] == k].any() and bool(x.any())
            if fits:
                runs[-1].append(name)
            elif runs[-1]:
                runs.append([])
        for run in runs:
            if len(run) > 1 and bool((raw[run].to_numpy(dtype=np.float64).sum(1) == (y != k)).all()):
                return [str(name) for name in run]
    return []


def _often(codes: Tensor, many: int) -> bool:
    """Do most rows have a value that several others have?"""
    counts = torch.bincount(codes, minlength=many)
    return bool((counts[codes] >= LEAST).double().mean() > 0.9)


def _separates(x: Tensor, y: Tensor, labels: Labels) -> bool:
    """Do the classes lie in intervals that do not overlap, each with rows enough?"""
    c = labels.num_classes
    counts = torch.bincount(y, minlength=c)
    present = (counts > 0).nonzero().flatten()
    if len(present) < 2 or int((counts >= LEAST).sum()) < 2 or int(counts.sum() - counts.max()) < LEAST:
        return False
    low = torch.full((c,), torch.inf, dtype=torch.float64).scatter_reduce(0, y, x, "amin")[present]
    high = torch.full((c,), -torch.inf, dtype=torch.float64).scatter_reduce(0, y, x, "amax")[present]
    order = low.argsort()
    return bool((high[order][:-1] < low[order][1:]).all())


def _spread(labels: Labels) -> Tensor:
    """Some rows of each class, int64, sorted; all rows where they are few."""
    n = len(labels)
    if n <= SAMPLE:
        return torch.arange(n)
    order, start = labels.by_class
    share = max(LEAST, SAMPLE // labels.num_classes)
    size = start[1:] - start[:-1]
    step = (size.double() / share).clamp(min=1.0)
    place = torch.arange(n) - start[:-1].repeat_interleave(size)
    every = step.repeat_interleave(size)
    kept = (place.double() / every).floor() != ((place.double() - 1) / every).floor()
    return order[kept].sort().values


def _columns(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return f"column {shown} is" if len(names) == 1 else f"columns {shown} are"
