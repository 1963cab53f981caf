"""How rows were split, in words; and what a reader should know of it."""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.comparison.split import Holdout, InTime, Own, Split, times_of
from longtail.data import Dataset
from longtail.kinds.near import near_copies


def split_notes(split: Split, data: Dataset) -> tuple[str, ...]:
    """What the way of splitting does on these rows that a reader should know, in plain words."""
    notes: list[str] = []
    names = data.labels.names
    if isinstance(split, Own):
        train, test = split.rows(data, data.duplicate_of, 0, 0)
        new = data.labels.y[test][~torch.isin(data.labels.y[test], data.labels.y[train])]
        if len(new):
            classes = ", ".join(names[c] for c in new.unique().tolist()[:5])
            notes.append(
                f"{len(new)} of {len(test)} test rows are of classes without a training row ({classes}): they count as "
                "misses"
            )
        copies = int(torch.isin(data.duplicate_of[test], data.duplicate_of[train]).sum())
        if copies:
            notes.append(f"{copies} of {len(test)} test rows have the same input as a training row")
        notes += near_notes(data, train, test)
        group = data.beside.group
        if group is not None and (shared := int(torch.isin(group[test], group[train]).sum())):
            notes.append(f"{shared} of {len(test)} test rows are of a group that trains too")
        if _differ(data.labels.y[train], data.labels.y[test], len(names)):
            notes.append(
                "the test rows have other class frequencies than the training rows: under the natural prior they are "
                "scored as they are"
            )
    if isinstance(split, InTime):
        first = int((times_of(data) < split.starts(data)[0]).sum())
        notes.append(f"{first} rows before the first test part train, and are not tested")
    return tuple(notes)


def near_notes(data: Dataset, train: Tensor, test: Tensor) -> list[str]:
    """Test rows that are nearly the same as a training row, with two pairs of row numbers; rows of a table, a text or a
    picture never stand in a note.
    """
    equal = torch.isin(data.duplicate_of[test], data.duplicate_of[train])
    pairs, asked = near_copies(data.raw, train, test[~equal])
    if not pairs:
        return []
    of = (
        f"{len(test):,}"
        if asked == int((~equal).sum())
        else f"{asked:,} that were looked at, of {len(test):,}"
    )
    shown = " and ".join(f"rows {i} and {j}" for i, j in pairs[:2])
    return [
        f"{len(pairs):,} of {of} test rows are nearly the same as a training row (such as {shown}, counted from 0 "
        "as in predictions.csv): if they are copies, the scores flatter. Leave them out of one part, or name what they "
        "share with group="
    ]


def _differ(train: Tensor, test: Tensor, classes: int) -> bool:
    """Are the class frequencies of two samples shown to differ? By a chi-squared test at .001."""
    from scipy.stats import chi2_contingency

    table = torch.stack([torch.bincount(y, minlength=classes) for y in (train, test)])
    table = table[:, table.sum(0) > 0]
    return table.shape[1] > 1 and float(chi2_contingency(table.numpy())[1]) < 1e-3


def words(split: Split, data: Dataset) -> str:
    """How rows were split, in a sentence."""
    group = data.beside.names.get("group")
    grouped = f"; rows of one {group} stay on one side" if group else ""
    if isinstance(split, InTime):
        gap = f", with a gap of {split.gap:g}" + (" s" if data.beside.dated else "") if split.gap else ""
        return (
            f"{split.k} test parts in order of {data.beside.names.get('time', 'time')}, each after the rows that train"
            f"{gap}{grouped}"
        )
    if isinstance(split, Own):
        test = int((data.beside.part == 2).sum()) if data.beside.part is not None else 0
        more = ", tuned on its own validation rows" if split.validated else ""
        return f"{data.beside.names.get('split', 'its own test set')}: {test:,} rows{more}{grouped}"
    if isinstance(split, Holdout):
        return f"one hold-out of {split.share:.0%} of the rows{grouped}"
    return f"{split.folds} stratified folds{grouped}"
