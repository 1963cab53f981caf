"""Forest: a fitted forest of classification trees (Breiman, "Random Forests", Machine Learning 2001).

``p(c | x) = mean_t share_t(c, leaf_t(x))``, the mean over T trees of the class shares in the leaf that x
reaches.

| scikit-learn | here |
|---|---|
| ``estimators_[t].tree_`` | ``trees`` (flat arrays) |
| ``tree_.value`` of a leaf | ``share``, non-zero entries only: grown-out trees have pure leaves |

Differs from scikit-learn's ``predict_proba``: a class without any vote has probability 0 there, an infinite
NLL if it is the true one. Here ``(T p + smoothing * prior) / (T + smoothing)``: ``smoothing`` pseudo-trees
vote for the class frequencies of the training set. That never changes which class wins once the training
prior is divided out. ``smoothing=0`` gives scikit-learn's numbers, with zeros at ``exp(FLOOR)``; so do
classes that training lacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longtail.classical.heads.trees import FLOOR, Trees, tables_of
from longtail.part import part


class Forest(nn.Module):
    """``x [N, d] -> log-probabilities [N, C]``. Make one with :meth:`Forest.of`.

    Args:
        num_features, num_classes: d and C.
        trees, nodes, entries: sizes of the arrays, for a ``state_dict`` to fill.
        smoothing: pseudo-trees.

    >>> Forest(4, 3, trees=1, nodes=1, entries=1).out_features
    3
    """

    start: Tensor
    label: Tensor
    share: Tensor
    prior: Tensor

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        trees: int,
        nodes: int,
        entries: int,
        smoothing: float = 1.0,
    ) -> None:
        super().__init__()
        if smoothing < 0:
            raise ValueError(f"smoothing={smoothing} must not be negative")
        self.in_features, self.out_features, self.smoothing = num_features, num_classes, smoothing
        self.trees = Trees(trees, nodes)
        self.register_buffer("start", torch.zeros(nodes + 1, dtype=torch.int64))
        self.register_buffer("label", torch.zeros(entries, dtype=torch.int64))
        self.register_buffer("share", torch.zeros(entries))
        self.register_buffer("prior", torch.zeros(num_classes, dtype=torch.float64))
        self.spec = part(
            Forest,
            num_features=num_features,
            num_classes=num_classes,
            trees=trees,
            nodes=nodes,
            entries=entries,
            smoothing=smoothing,
        )

    def probabilities(self, x: Tensor) -> Tensor:
        """The mean of the trees, before smoothing, float64 ``[N, C]``."""
        leaf = self.trees.leaves(x.float())  # scikit-learn's trees compare float32 values
        n, count = leaf.shape
        first = self.start[leaf].flatten()
        many = self.start[leaf + 1].flatten() - first
        row = torch.arange(n, device=x.device).repeat_interleave(count).repeat_interleave(many)
        before = many.cumsum(0) - many
        at = torch.arange(len(row), device=x.device) + (first - before).repeat_interleave(many)
        out = torch.zeros(n * self.out_features, dtype=torch.float64, device=x.device)
        out.index_add_(0, row * self.out_features + self.label[at], self.share[at].double())
        return out.view(n, -1) / count

    def forward(self, x: Tensor) -> Tensor:
        count = len(self.trees.roots)
        p = (count * self.probabilities(x) + self.smoothing * self.prior) / (count + self.smoothing)
        return p.log().clamp_min(FLOOR).float()

    @classmethod
    def of(
        cls,
        trees: Sequence[Any],
        classes: Any,
        prior: Tensor,
        num_features: int,
        smoothing: float = 1.0,
        columns: Sequence[Any] | None = None,
    ) -> Forest:
        """The head of fitted ``DecisionTreeClassifier``s that vote with equal weight.

        Args:
            trees: fitted on labels 0..K-1.
            classes: the class of each of those labels, ``[K]``.
            prior: class frequencies that smoothing votes for, ``[C]``.
            num_features: d.
            smoothing: pseudo-trees.
            columns: the columns each tree was fitted on; None: all, in order.
        """
        flat = Trees.of(
            [tables_of(t.tree_, columns[k] if columns is not None else None) for k, t in enumerate(trees)]
        )
        many, label, share = [], [], []
        for t in trees:
            value = t.tree_.value[:, 0, :] * (t.tree_.children_left < 0)[:, None]
            node, which = np.nonzero(value)
            many.append(np.bincount(node, minlength=len(value)))
            label.append(np.asarray(classes)[t.classes_.astype(np.int64)][which])
            share.append(value[node, which] / value.sum(1)[node])
        start = np.concatenate([[0], np.cumsum(np.concatenate(many))])
        out = cls(num_features, len(prior), len(trees), len(start) - 1, int(start[-1]), smoothing)
        out.trees.load_state_dict(flat.state_dict())
        for name, found in (
            ("start", start),
            ("label", np.concatenate(label)),
            ("share", np.concatenate(share)),
        ):
            getattr(out, name).copy_(torch.from_numpy(found))
        out.prior.copy_(prior)
        return out
