"""Is an estimator read from a file sound? Indices that scikit-learn follows without a look at their bounds.

The trees of forests and boosting, those that find nearest neighbours, and sparse matrices are arrays of indices. Out of
bounds they read memory that is not theirs, or crash; in a circle they never end. Whoever wrote the file chose them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


def check(estimator: Any, num_features: int) -> None:
    """Look at every tree and sparse matrix inside an estimator.

    Args:
        estimator: that was read from a file, of allowed types.
        num_features: columns that it will be given.

    Raises:
        ValueError: an index out of its bounds, or an estimator for another number of columns.

    >>> from sklearn.tree import DecisionTreeClassifier
    >>> check(DecisionTreeClassifier().fit([[0.0], [1.0]], [0, 1]), 1)
    """
    try:
        width = getattr(estimator, "n_features_in_", num_features)
        if width != num_features:
            raise ValueError(f"it takes {width} columns, and the net gives {num_features}")
        for part in _inside(estimator):
            if (look := LOOKS.get(f"{type(part).__module__}.{type(part).__name__}")) is not None:
                look(part)
            if hasattr(part, "tree_") and part.tree_.n_features != part.n_features_in_:
                raise ValueError("a tree of another number of columns")
            if len({m.n_features_in_ for m in _members(part) if hasattr(m, "tree_")}) > 1:
                raise ValueError(
                    "trees of different numbers of columns"
                )  # a forest asks its first tree alone
    except ValueError as why:
        raise ValueError(f"the stored estimator is damaged: {why}") from None
    except (TypeError, AttributeError, KeyError, IndexError, MemoryError, RecursionError) as why:
        raise ValueError(f"the stored estimator is damaged: {type(why).__name__}: {why}") from None


def _inside(value: Any) -> Iterator[Any]:
    """Every object in an estimator, itself included, once."""
    seen: dict[int, Any] = {}
    todo = [value]
    while todo:
        one = todo.pop()
        if one is None or isinstance(one, (bool, int, float, str, bytes, np.number)) or id(one) in seen:
            continue
        seen[id(one)] = one  # kept, so that no other object gets its id
        if isinstance(one, np.ndarray):
            todo.extend(one.ravel().tolist() if one.dtype == object else ())
            continue
        if isinstance(one, dict):
            todo.extend(one.values())
        elif isinstance(one, (list, tuple, set, frozenset)):
            todo.extend(one)
        else:
            yield one
        todo.extend(getattr(one, "__dict__", {}).values())


def _members(ensemble: Any) -> list[Any]:
    found = getattr(ensemble, "estimators_", ())
    return found.ravel().tolist() if isinstance(found, np.ndarray) else list(found)


def _tree(tree: Any) -> None:
    """``sklearn.tree._tree.Tree``."""
    n = tree.node_count
    if not 1 <= n <= tree.capacity:
        raise ValueError(f"a tree of {n} nodes in {tree.capacity}")
    inner = tree.children_left != -1
    _children(tree.children_left, tree.children_right, inner)
    _below(tree.feature[inner], tree.n_features, "a tree's column")


def _boosting(model: Any) -> None:
    """``HistGradientBoosting``: its predictors, where it has been fitted."""
    if not hasattr(model, "_predictors"):
        return
    width = model.n_features_in_
    if model._preprocessor is not None:
        width = model._preprocessor.transform(np.zeros((1, width))).shape[1]
    categorical = np.asarray(model._bin_mapper.is_categorical_, dtype=bool)
    if len(categorical) != width:
        raise ValueError("boosting with another number of columns")
    for predictor in (p for stage in model._predictors for p in stage):
        nodes = predictor.nodes
        inner = nodes["is_leaf"] == 0
        if not len(nodes):
            raise ValueError("a tree without nodes")
        _children(nodes["left"], nodes["right"], inner)
        _below(nodes["feature_idx"][inner], width, "a tree's column")
        by_category = inner & (nodes["is_categorical"] != 0)
        _below(nodes["bitset_idx"][by_category], len(predictor.raw_left_cat_bitsets), "a tree's category")
        if not categorical[nodes["feature_idx"][by_category]].all():
            raise ValueError("a split by categories of a column of numbers")


def _neighbours(tree: Any) -> None:
    """``KDTree`` and ``BallTree``: nodes 2 i + 1 and 2 i + 2 are below node i."""
    data, index, nodes, bounds, _, _, count, *_ = tree.__getstate__()
    n, planes = len(data), 2 if type(tree).__name__ == "KDTree" else 1
    if count != len(nodes) or bounds.shape != (planes, count, data.shape[1]) or index.shape != (n,):
        raise ValueError("a tree of neighbours whose arrays do not fit each other")
    _below(index, n, "a neighbour")
    if not (
        (nodes["idx_start"] >= 0) & (nodes["idx_start"] <= nodes["idx_end"]) & (nodes["idx_end"] <= n)
    ).all():
        raise ValueError("a node of neighbours that are not there")
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    _below(2 * inner + 2, count, "a node")


def _sparse(matrix: Any) -> None:
    """``csr`` and ``csc``: the places of what is not 0."""
    matrix.check_format(full_check=True)


def _children(left: Any, right: Any, inner: Any) -> None:
    """Children come after their parent, so that every way down ends."""
    at = np.flatnonzero(inner)
    for side in (left, right):
        below = side[inner].astype(np.int64)
        _below(below, len(left), "a node")
        if (below <= at).any():
            raise ValueError("a tree that leads back up")


def _below(index: Any, count: int, what: str) -> None:
    found = np.asarray(index).astype(np.int64)
    if len(found) and not (found.min() >= 0 and found.max() < count):
        raise ValueError(f"{what} {found.min()}..{found.max()} of {count}")


LOOKS = {
    "scipy.sparse._csc.csc_array": _sparse,
    "scipy.sparse._csc.csc_matrix": _sparse,
    "scipy.sparse._csr.csr_array": _sparse,
    "scipy.sparse._csr.csr_matrix": _sparse,
    "sklearn.tree._tree.Tree": _tree,
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier": _boosting,
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor": _boosting,
    "sklearn.neighbors._ball_tree.BallTree": _neighbours,
    "sklearn.neighbors._kd_tree.KDTree": _neighbours,
}
"""What is looked at, by type."""
