"""Folds: stratified, and rows with the same input stay together."""

from __future__ import annotations

import warnings
from functools import lru_cache

import torch
from torch import Tensor

from longtail.labels import Labels


def folds(labels: Labels, duplicate_of: Tensor, k: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """``k`` pairs (training rows, test rows), sorted int64 indices; every row is in exactly one test part.

    Where no two rows have the same input these are exactly scikit-learn's
    ``StratifiedKFold(k, shuffle=True, random_state=seed)``. Otherwise the groups of equal rows are dealt out
    first, the largest first, each to the fold that has least of its classes; the other rows then even the
    folds out, class by class.

    A class with fewer than ``k`` examples is in the test part of some folds only. The only example of a
    class is in one test part, and in that fold the class has no training example: see :func:`fold_notes`.

    Args:
        duplicate_of: int64 ``[N]``, equal for rows with the same input.

    Raises:
        ValueError: k below 2, fewer distinct inputs than ``k``, or another number of groups than labels.

    >>> rows = folds(Labels.of([0, 0, 0, 0, 1, 1]), torch.arange(6), k=2, seed=0)
    >>> [len(test) for _, test in rows]
    [3, 3]
    """
    check_folds(duplicate_of, k)
    place = dealt(labels, duplicate_of, k, seed)
    return [((place != f).nonzero().flatten(), (place == f).nonzero().flatten()) for f in range(k)]


@lru_cache(maxsize=4)
def dealt(labels: Labels, duplicate_of: Tensor, k: int, seed: int) -> Tensor:
    """The fold of each row, int64 ``[N]``; of the same rows (these very objects) it is dealt once in a process. Many
    groups take seconds, and each cell of a comparison asks.
    """
    from sklearn.model_selection import StratifiedKFold

    first, group = _distinct(labels, duplicate_of)
    # scikit-learn refuses k above the size of the largest class.
    if len(first) == len(labels) and int(labels.counts.max()) >= k:
        place = torch.empty(len(labels), dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class")
            split = StratifiedKFold(k, shuffle=True, random_state=seed).split(
                labels.y.numpy(), labels.y.numpy()
            )
            for fold, (_, test) in enumerate(split):
                place[torch.from_numpy(test)] = fold
    else:
        place = _deal(labels, group, k, seed)
    return place


def check_folds(duplicate_of: Tensor, k: int, what: str = "row") -> None:
    """Raises ValueError for fewer than two folds, and for more than there are different rows, or groups."""
    if k < 2:
        raise ValueError(f"folds={k} must be at least 2: one fold tests what the others train")
    different = len(duplicate_of.unique())
    if k > different:
        if what != "row":
            there = "is 1" if different == 1 else f"are {different}"
            raise ValueError(
                f"folds={k}: each fold tests {what}s of its own, and there {there}: lower folds, or name another column "
                f"with {what}="
            )
        said = "rows" if different == len(duplicate_of) else "different rows"
        raise ValueError(
            f"folds={k}: each fold tests rows of its own, and there are {different} {said}: lower folds"
        )


def _deal(labels: Labels, group: Tensor, k: int, seed: int) -> Tensor:
    """The fold of each row. scikit-learn's StratifiedGroupKFold takes minutes for 10**6 groups; this takes
    seconds.
    """
    random = torch.randperm(len(group), generator=torch.Generator().manual_seed(seed))
    sizes = torch.bincount(group)
    totals = labels.counts.tolist()
    load = [[0] * labels.num_classes for _ in range(k)]
    rows_in = [0] * k
    place = torch.empty(len(group), dtype=torch.int64)

    shared = random[sizes[group[random]] > 1]
    order = shared[torch.argsort(group[shared], stable=True)]
    blocks = torch.split(order, torch.unique_consecutive(group[order], return_counts=True)[1].tolist())
    shuffled = torch.randperm(len(blocks), generator=torch.Generator().manual_seed(seed)).tolist()
    for b in sorted(shuffled, key=lambda b: -len(blocks[b])):
        ys = labels.y[blocks[b]].tolist()
        best = min(range(k), key=lambda f: (sum(load[f][c] / totals[c] for c in ys), rows_in[f], f))
        place[blocks[b]] = best
        rows_in[best] += len(ys)
        for c in ys:
            load[best][c] += 1

    single = random[sizes[group[random]] == 1]
    order = single[torch.argsort(labels.y[single], stable=True)]
    here = torch.bincount(labels.y[single], minlength=labels.num_classes)
    for c, rows in enumerate(torch.split(order, here.tolist())):
        give = _even_out([load[f][c] for f in range(k)], rows_in, len(rows))
        place[rows] = torch.repeat_interleave(torch.arange(k), torch.tensor(give))
        rows_in = [have + more for have, more in zip(rows_in, give)]
    return place


def _even_out(have: list[int], rows_in: list[int], n: int) -> list[int]:
    """How many of ``n`` rows each fold gets, so that the lowest of ``have`` rise first; ties to the smaller
    fold.

    >>> _even_out([5, 0, 1], [5, 0, 1], 6)
    [0, 4, 2]
    """
    low, high = min(have), max(have) + n
    while low < high:
        level = (low + high + 1) // 2
        if sum(max(0, level - h) for h in have) <= n:
            low = level
        else:
            high = level - 1
    give = [max(0, low - h) for h in have]
    open_folds = sorted((f for f, h in enumerate(have) if h <= low), key=lambda f: (rows_in[f] + give[f], f))
    for f in open_folds[: n - sum(give)]:
        give[f] += 1
    return give


def fold_notes(labels: Labels, duplicate_of: Tensor, k: int) -> tuple[str, ...]:
    """What ``k`` folds cannot do on these labels, in plain words.

    >>> fold_notes(Labels.of([0, 0, 0, 1]), torch.arange(4), k=2)
    ('class 1 has a single example: the fold that tests it has not learnt it',)
    """
    first, _ = _distinct(labels, duplicate_of)
    counts = torch.bincount(labels.y[first], minlength=labels.num_classes)
    notes = []
    single = [labels.names[c] for c in (counts == 1).nonzero().flatten().tolist()]
    if len(single) == 1:
        notes.append(f"class {single[0]} has a single example: the fold that tests it has not learnt it")
    elif single:
        shown = ", ".join(single[:5]) + (f" and {len(single) - 5} more" if len(single) > 5 else "")
        notes.append(
            f"{len(single)} of {labels.num_classes} classes have a single example: the fold that tests it has not learnt "
            f"it ({shown})"
        )
    rare = int(((counts > 1) & (counts < k)).sum())
    if rare:
        notes.append(
            f"{rare} of {labels.num_classes} classes have fewer than {k} examples: some test folds miss them"
        )
    same = len(labels) - len(first)
    if same:
        notes.append(f"{same} rows repeat the input of another row and stay in its fold")
    return tuple(notes)


def inner_split(labels: Labels, duplicate_of: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """(fit rows, held rows), sorted int64 indices: a stratified hold-out for what is tuned or calibrated.

    Each class gives ``round(share * n)`` of its ``n`` distinct inputs and never all of them, so a class with
    one example stays in the fit part. Rows with the same input stay together.

    Raises:
        ValueError: a share outside (0, 1), or one that holds nothing.

    >>> fit, held = inner_split(Labels.of([0] * 8 + [1]), torch.arange(9), share=0.25, seed=0)
    >>> len(fit), len(held)
    (7, 2)
    """
    if not 0 < share < 1:
        raise ValueError(f"share={share} must lie in (0, 1): it is the part held out")
    first, group = _distinct(labels, duplicate_of)
    y = labels.y[first]
    random = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    order = random[torch.argsort(y[random], stable=True)]
    counts = torch.bincount(y, minlength=labels.num_classes)
    start = counts.cumsum(0) - counts
    wanted = torch.minimum((counts * share + 0.5).floor().long(), (counts - 1).clamp(min=0))
    rank = torch.arange(len(y)) - start[y[order]]
    held = torch.zeros(len(y), dtype=torch.bool)
    held[order] = rank < wanted[y[order]]
    if not bool(held.any()):
        raise ValueError(
            f"share={share} of {len(y)} different rows holds none of any class, so what a recipe leaves open cannot be "
            "fitted on held-out rows: give more rows, or take a recipe that leaves nothing open (erm, logit-adjustment)"
        )
    held = held[group]
    return (~held).nonzero().flatten(), held.nonzero().flatten()


def grouped_inner(labels: Labels, group: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """As :func:`inner_split`, where groups are larger and may hold several classes: whole groups are dealt to the two
    sides, the largest first, each to the side that has least of its classes for its share.

    Raises:
        ValueError: a share outside (0, 1), or a single group.

    >>> fit, held = grouped_inner(Labels.of([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1]), share=0.5, seed=0)
    >>> len(fit), len(held)
    (2, 2)
    """
    if not 0 < share < 1:
        raise ValueError(f"share={share} must lie in (0, 1): it is the part held out")
    order = torch.argsort(group, stable=True)
    sizes = torch.unique_consecutive(group[order], return_counts=True)[1]
    if len(sizes) < 2:
        raise ValueError(
            "all rows are of one group, so none can be held out: name another column with group="
        )
    blocks = torch.split(order, sizes.tolist())
    shuffled = torch.randperm(len(blocks), generator=torch.Generator().manual_seed(seed)).tolist()
    y, weight = labels.y.tolist(), [1 / max(n, 1) for n in labels.counts.tolist()]
    load = [
        [0.0] * labels.num_classes,
        [0.0] * labels.num_classes,
    ]  # shares of each class: that fits, that is held
    room = (1 - share, share)
    held: list[Tensor] = []
    for b in sorted(shuffled, key=lambda b: -len(blocks[b])):
        ys = [y[i] for i in blocks[b].tolist()]
        best = min((0, 1), key=lambda side: sum(load[side][c] * weight[c] for c in ys) / room[side])
        for c in ys:
            load[best][c] += weight[c]
        if best:
            held.append(blocks[b])
    if not held:
        raise ValueError(
            f"share={share}: no group fits into the part that is held out: more groups are needed"
        )
    side = torch.zeros(len(labels), dtype=torch.bool)
    side[torch.cat(held)] = True
    return (~side).nonzero().flatten(), side.nonzero().flatten()


def _distinct(labels: Labels, duplicate_of: Tensor) -> tuple[Tensor, Tensor]:
    """The first row of each distinct input, in row order, and for each row the place of its input among
    them.
    """
    if duplicate_of.shape != labels.y.shape:
        raise ValueError(f"duplicate_of has shape {tuple(duplicate_of.shape)} for {len(labels)} labels")
    _, inverse = torch.unique(duplicate_of, return_inverse=True)
    n = int(inverse.max()) + 1
    first = torch.full((n,), len(inverse)).scatter_reduce(0, inverse, torch.arange(len(inverse)), "amin")
    first, order = first.sort()
    return first, torch.empty_like(order).scatter(0, order, torch.arange(n))[inverse]
