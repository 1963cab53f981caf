"""Boosted: a fitted histogram gradient boosting (Friedman, "Greedy Function Approximation", Annals of
Statistics 2001).

``F_k(x) = baseline_k + sum_m value_{m,k}(leaf_{m,k}(x))``; probabilities are the softmax over k, or, with
two classes, the sigmoid of the single F.

| scikit-learn | here |
|---|---|
| ``_predictors[m][k].nodes`` | ``trees`` (tree m K + k), ``value`` |
| ``_baseline_prediction`` | ``baseline`` |

Splits by categories (Fisher 1958; LightGBM) are written out: which codes go left, those that training lacked included.
Classes that training lacked get the log-probability ``FLOOR``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.classical.heads.trees import Tables, Trees, place
from longtail.part import part


class Boosted(nn.Module):
    """``x [N, d] -> log-probabilities [N, C]``. Make one with :meth:`Boosted.of`.

    Args:
        num_features, num_classes: d and C.
        known: classes seen in training.
        trees, nodes, splits, codes: sizes of the arrays, for a ``state_dict`` to fill.

    >>> Boosted(4, 3, known=2, trees=1, nodes=1).out_features
    3
    """

    value: Tensor
    baseline: Tensor
    classes: Tensor

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        known: int,
        trees: int,
        nodes: int,
        splits: int = 0,
        codes: int = 0,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = num_features, num_classes
        self.trees = Trees(trees, nodes, splits, codes)
        self.register_buffer("value", torch.zeros(nodes, dtype=torch.float64))
        self.register_buffer("baseline", torch.zeros(known if known > 2 else 1, dtype=torch.float64))
        self.register_buffer("classes", torch.arange(known))
        self.spec = part(
            Boosted,
            num_features=num_features,
            num_classes=num_classes,
            known=known,
            trees=trees,
            nodes=nodes,
            splits=splits,
            codes=codes,
        )

    def forward(self, x: Tensor) -> Tensor:
        leaf = self.trees.leaves(x.double())
        score = self.value[leaf].view(len(x), -1, len(self.baseline)).sum(1) + self.baseline
        if len(self.baseline) == 1:
            log_p = F.logsigmoid(torch.cat([-score, score], 1))
        else:
            log_p = torch.log_softmax(score, -1)
        return place(log_p, self.classes, self.out_features)

    @classmethod
    def of(cls, estimator: Any, num_classes: int, codes: int = 0) -> Boosted:
        """The head of a fitted ``sklearn.ensemble.HistGradientBoostingClassifier``; ``codes`` is how many a category may
        have, those that training lacked included.
        """
        predictors = [predictor for stage in estimator._predictors for predictor in stage]
        flat = Trees.of([_table(p, estimator, codes) for p in predictors])
        sizes = (len(estimator.classes_), len(flat.roots), len(flat.feature), flat.splits, codes)
        out = cls(estimator.n_features_in_, num_classes, *sizes)
        out.trees.load_state_dict(flat.state_dict())
        out.value.copy_(torch.from_numpy(np.concatenate([p.nodes["value"] for p in predictors])))
        out.baseline.copy_(torch.from_numpy(np.asarray(estimator._baseline_prediction).reshape(-1)))
        out.classes.copy_(torch.from_numpy(np.asarray(estimator.classes_)))
        return out


def _table(predictor: Any, estimator: Any, codes: int) -> Tables:
    """The table of one tree, in the columns and codes that the estimator was given."""
    n = predictor.nodes
    leaf = n["is_leaf"].astype(bool)
    left, right = (np.where(leaf, -1, n[side].astype(np.int64)) for side in ("left", "right"))
    nan_left = n["missing_go_to_left"].astype(bool)
    if estimator.is_categorical_ is None:
        return Tables(n["feature_idx"], n["num_threshold"], left, right, nan_left)
    # scikit-learn puts categories first, and numbers the codes that occur
    is_category = np.asarray(estimator.is_categorical_)
    order = np.concatenate([np.flatnonzero(is_category), np.flatnonzero(~is_category)])
    known = estimator._preprocessor.named_transformers_["encoder"].categories_
    at = np.flatnonzero(n["is_categorical"].astype(bool) & ~leaf)
    member = np.repeat(nan_left[at, None], codes, axis=1)  # a code that training lacked counts as missing
    for row, node in enumerate(at):
        seen = known[n["feature_idx"][node]].astype(np.int64)
        bits = predictor.raw_left_cat_bitsets[n["bitset_idx"][node]]
        place = np.arange(len(seen))
        member[row, seen] = (bits[place // 32] >> (place % 32)) & 1
    split = np.full(len(n), -1)
    split[at] = np.arange(len(at))
    return Tables(order[n["feature_idx"]], n["num_threshold"], left, right, nan_left, split, member)
