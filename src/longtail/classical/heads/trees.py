"""Trees: many decision trees in flat arrays, descended by all rows and all trees at once.

A node is one index into the arrays; trees follow one another. At an inner node a row goes left where
``x[feature] <= threshold``, or where the value is missing (nan) and ``nan_left`` says so; where the node has a ``split``,
a row goes left where ``member[split, x[feature]]``, the value being a category's code. This is the rule of scikit-learn's
``tree_`` arrays and of the predictors of its histogram gradient boosting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

FLOOR = -30.0
"""Log-probability of a class that the estimator gives nothing (1e-13): finite, so that the NLL stays
finite.
"""

PAIRS = (
    1 << 16
)  # (row, tree) pairs at once: they stay in a core's cache, which is a third faster than 1 << 20


class Tables(NamedTuple):
    """One tree: arrays over its nodes; a leaf has ``left`` -1.

    ``split`` is a row of ``member``, bool ``[splits, codes]``, or -1; None where no node splits by categories.
    """

    feature: Any
    threshold: Any
    left: Any
    right: Any
    nan_left: Any
    split: Any = None
    member: Any = None


class Trees(nn.Module):
    """Flat trees. Make one with :meth:`Trees.of`; the constructor only sets the sizes, for a ``state_dict``
    to fill.

    Args:
        trees: number of trees.
        nodes: nodes of all of them.
        splits: those that split by categories.
        codes: of a category, at most.

    >>> stump = Tables([0, 0, 0], [0.5, 0.0, 0.0], [1, -1, -1], [2, -1, -1], [False] * 3)
    >>> Trees.of([stump]).leaves(torch.tensor([[0.2], [0.9]])).tolist()
    [[1], [2]]
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    right: Tensor
    nan_left: Tensor
    roots: Tensor
    split: Tensor
    member: Tensor

    def __init__(self, trees: int, nodes: int, splits: int = 0, codes: int = 0) -> None:
        super().__init__()
        self.splits = splits
        if splits:
            self.register_buffer("split", torch.zeros(nodes, dtype=torch.int32))
            self.register_buffer("member", torch.zeros(splits, codes, dtype=torch.bool))
        for name in ("feature", "left", "right"):
            self.register_buffer(name, torch.zeros(nodes, dtype=torch.int32))
        self.register_buffer("threshold", torch.zeros(nodes, dtype=torch.float64))
        self.register_buffer("nan_left", torch.zeros(nodes, dtype=torch.bool))
        self.register_buffer("roots", torch.zeros(trees, dtype=torch.int64))

    @classmethod
    def of(cls, tables: Sequence[Tables]) -> Trees:
        """Flat trees from one table a tree."""
        sizes = [len(t.feature) for t in tables]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        members = [t.member for t in tables if t.member is not None and len(t.member)]
        splits = sum(map(len, members))
        out = cls(len(tables), int(sum(sizes)), splits, members[0].shape[1] if splits else 0)
        if splits:
            out.member.copy_(torch.from_numpy(np.concatenate(members)))
            before = np.cumsum([0] + [len(t.member) for t in tables])
            moved = [np.where(t.split < 0, -1, t.split + b) for t, b in zip(tables, before)]
            out.split.copy_(torch.from_numpy(np.concatenate(moved)))
        out.roots.copy_(torch.from_numpy(roots))
        for name in ("feature", "threshold", "nan_left"):
            whole = np.concatenate([np.asarray(getattr(t, name)) for t in tables])
            getattr(out, name).copy_(torch.from_numpy(whole))
        for name in ("left", "right"):
            children = [np.asarray(getattr(t, name), dtype=np.int64) for t in tables]
            whole = np.concatenate([np.where(c < 0, -1, c + r) for c, r in zip(children, roots)])
            getattr(out, name).copy_(torch.from_numpy(whole))
        return out

    def leaves(self, x: Tensor) -> Tensor:
        """The leaf that each row reaches in each tree, int64 ``[N, T]``."""
        holes = bool(torch.isnan(x).any())
        return torch.cat([self._leaves(part, holes) for part in x.split(max(1, PAIRS // len(self.roots)))])

    def _leaves(self, x: Tensor, holes: bool) -> Tensor:
        n, trees = len(x), len(self.roots)
        flat = x.reshape(-1)
        start = torch.arange(n, device=x.device).repeat_interleave(trees) * x.shape[1]
        node = self.roots.repeat(n)
        inner = torch.nonzero(self.left[node] >= 0).flatten()  # pairs that have not reached a leaf
        here, start = node[inner], start[inner]
        while len(inner):
            value = flat.index_select(0, start + self.feature.index_select(0, here))
            left = value <= self.threshold.index_select(0, here)
            if holes:
                left |= torch.isnan(value) & self.nan_left[here]
            if self.splits:
                split = self.split.index_select(0, here)
                by_category = torch.nonzero(split >= 0).flatten()
                left[by_category] = self.member[split[by_category].long(), value[by_category].long()]
            here = torch.where(left, self.left.index_select(0, here), self.right.index_select(0, here)).long()
            more = self.left.index_select(0, here) >= 0
            node[inner] = here
            inner, here, start = inner[more], here[more], start[more]
        return node.view(n, trees)


def tables_of(tree: Any, columns: Any = None) -> Tables:
    """The table of a fitted scikit-learn ``tree_``; ``columns`` maps its features to those of the whole
    matrix.
    """
    feature = np.maximum(tree.feature, 0)
    if columns is not None:
        feature = np.asarray(columns)[feature]
    nan_left = np.asarray(tree.missing_go_to_left, dtype=bool)
    return Tables(feature, tree.threshold, tree.children_left, tree.children_right, nan_left)


def place(log_p: Tensor, classes: Tensor, num_classes: int) -> Tensor:
    """Log-probabilities of the classes the estimator knows among all classes, float32; the rest get
    ``FLOOR``.
    """
    out = torch.full((len(log_p), num_classes), FLOOR, device=log_p.device)
    out[:, classes] = log_p.clamp_min(FLOOR).float()
    return out
