"""Votes: one or several fitted AdaBoost classifiers (Zhu et al., "Multi-class AdaBoost", Statistics and Its
Interface 2009).

With v_c the weighted share of a booster's trees that say class c, equation 15 of the paper gives
``p = softmax(s / (K - 1))`` with ``s_c = (K v_c - 1) / (K - 1)``; an ensemble of boosters (EasyEnsemble)
takes the mean of p.

| scikit-learn | here |
|---|---|
| ``estimators_[t].predict`` | ``says`` at the leaf |
| ``estimator_weights_[t] / sum`` | ``weight`` |

Classes that training lacked get the log-probability ``FLOOR``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longtail.classical.heads.trees import Trees, place, tables_of
from longtail.part import part


class Votes(nn.Module):
    """``x [N, d] -> log-probabilities [N, C]``. Make one with :meth:`Votes.of`.

    Args:
        num_features, num_classes: d and C.
        known: K, the classes seen in training.
        boosters, trees, nodes: sizes of the arrays, for a ``state_dict`` to fill.

    >>> Votes(4, 3, known=2, boosters=1, trees=1, nodes=1).out_features
    3
    """

    says: Tensor
    weight: Tensor
    booster: Tensor
    classes: Tensor

    def __init__(
        self, num_features: int, num_classes: int, known: int, boosters: int, trees: int, nodes: int
    ) -> None:
        super().__init__()
        self.in_features, self.out_features, self.boosters = num_features, num_classes, boosters
        self.trees = Trees(trees, nodes)
        self.register_buffer("says", torch.zeros(nodes, dtype=torch.int64))
        self.register_buffer("weight", torch.zeros(trees, dtype=torch.float64))
        self.register_buffer("booster", torch.zeros(trees, dtype=torch.int64))
        self.register_buffer("classes", torch.arange(known))
        self.spec = part(
            Votes,
            num_features=num_features,
            num_classes=num_classes,
            known=known,
            boosters=boosters,
            trees=trees,
            nodes=nodes,
        )

    def forward(self, x: Tensor) -> Tensor:
        k = len(self.classes)
        said = self.says[self.trees.leaves(x.float())]  # [N, T]
        v = torch.zeros(len(x), self.boosters * k, dtype=torch.float64, device=x.device)
        v.scatter_add_(1, self.booster * k + said, self.weight.expand(len(x), -1))
        s = (k * v.view(len(x), self.boosters, k) - 1) / (k - 1)
        return place(torch.softmax(s / (k - 1), -1).mean(1).log(), self.classes, self.out_features)

    @classmethod
    def of(
        cls,
        boosters: Sequence[Any],
        classes: Any,
        num_features: int,
        num_classes: int,
        columns: Sequence[Any] | None = None,
    ) -> Votes:
        """The head of fitted ``AdaBoostClassifier``s on decision trees.

        Args:
            boosters: fitted on labels 0..K-1.
            classes: the class of each of those labels, ``[K]``.
            num_features, num_classes: d and C.
            columns: the columns each booster was fitted on; None: all, in order.
        """
        tables, says, weight, booster = [], [], [], []
        for b, boosted in enumerate(boosters):
            w = np.asarray(boosted.estimator_weights_, dtype=np.float64)[: len(boosted.estimators_)]
            for t in boosted.estimators_:
                tables.append(tables_of(t.tree_, columns[b] if columns is not None else None))
                says.append(t.classes_.astype(np.int64)[t.tree_.value[:, 0, :].argmax(1)])
            weight.append(w / w.sum())
            booster.append(np.full(len(w), b))
        flat = Trees.of(tables)
        sizes = (len(classes), len(boosters), len(flat.roots), len(flat.feature))
        out = cls(num_features, num_classes, *sizes)
        out.trees.load_state_dict(flat.state_dict())
        for name, found in (("says", says), ("weight", weight), ("booster", booster)):
            getattr(out, name).copy_(torch.from_numpy(np.concatenate(found)))
        out.classes.copy_(torch.from_numpy(np.asarray(classes)))
        return out
