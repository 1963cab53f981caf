"""What to know about a dataset before training on it: the facts behind ``longtail inspect``."""

from __future__ import annotations

from typing import Any

import torch

from longtail.data.dataset import Dataset
from longtail.formats.reading import Doubt
from longtail.kinds import kind_of


def inspect_facts(dataset: Dataset, many: int = 100, few: int = 20) -> dict[str, Any]:
    """Sizes, classes, imbalance, groups and warnings (what may not be as it was meant first), as plain JSON-able values.

    Args:
        many, few: a class is "many" above ``many`` examples, "few" below ``few``, "medium" between.

    >>> from longtail.data import load
    >>> facts = inspect_facts(load("digits-lt"))
    >>> facts["classes"], facts["counts"][0], facts["counts"][-1]
    (10, 174, 8)
    """
    labels = dataset.labels
    counts = labels.counts
    groups = {
        name: [labels.names[k] for k in which.tolist()]
        for name, which in labels.classes.groups(many, few).items()
    }
    facts: dict[str, Any] = {
        "name": dataset.name,
        "kind": dataset.kind,
        "n": len(dataset),
        "classes": labels.num_classes,
        "names": list(labels.names),
        "counts": counts.tolist(),
        "imbalance": labels.classes.imbalance,
        "groups": groups,
        "notes": [note for note in dataset.notes if not isinstance(note, Doubt)],
        "fingerprint": dataset.fingerprint,
    }
    facts |= _duplicates(dataset)
    facts["warnings"] = _warnings(dataset, facts)
    return facts


def _duplicates(dataset: Dataset) -> dict[str, int]:
    group, y = dataset.duplicate_of, dataset.labels.y
    distinct = len(torch.unique(group))
    with_label = len(torch.unique(group * dataset.labels.num_classes + y))
    rows = 0
    if with_label > distinct:
        size = int(group.max()) + 1
        low = torch.full((size,), dataset.labels.num_classes).scatter_reduce(0, group, y, "amin")
        high = torch.full((size,), -1).scatter_reduce(0, group, y, "amax")
        rows = int((low != high)[group].sum())
    return {"duplicate_rows": len(group) - distinct, "contradicting_rows": rows}


def _warnings(dataset: Dataset, facts: dict[str, Any]) -> list[str]:
    names, counts = dataset.labels.names, dataset.labels.counts
    out: list[str] = [note for note in dataset.notes if isinstance(note, Doubt)]
    for count, what in ((0, "no example"), (1, "a single example")):
        which = [names[k] for k in (counts == count).nonzero().flatten().tolist()]
        if which:
            shown = ", ".join(which[:5]) + (f" and {len(which) - 5} more" if len(which) > 5 else "")
            why = "it can be learnt or tested, not both" if count else "its recall cannot be measured"
            out.append(f"{what}: class {shown}; {why}")
    small = int(((counts > 1) & (counts < 5)).sum())
    if small:
        out.append(f"{small} classes have 2 to 4 examples: with 5 folds some test folds miss them")
    if facts["duplicate_rows"]:
        out.append(
            f"{facts['duplicate_rows']} rows repeat the input of an earlier row: folds keep them together"
        )
    if facts["contradicting_rows"]:
        out.append(
            f"{facts['contradicting_rows']} rows have the input of a row with another label: no model"
            " gets all right"
        )
    kind = kind_of(dataset.kind)
    return [*out, *kind.warnings(dataset.raw, dataset.labels), *kind.giveaways(dataset.raw, dataset.labels)]
