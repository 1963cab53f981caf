"""RUSBoost (Seiffert et al., "RUSBoost", IEEE SMC-A 2010; imbalanced-learn): AdaBoost, each round randomly
under-sampled.

AdaBoost's probabilities are scores, so there is no closed-form prior and ``fit`` returns None: calibrate on
held-out rows.

| imbalanced-learn | here |
|---|---|
| ``n_estimators``, ``estimator.max_depth`` | ``rounds``, ``depth`` |

Differs from imbalanced-learn, which fails where the first tree is no better than chance, as stumps on many classes are:
the trees are then grown a level deeper, up to ``DEEPEST``.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from longtail.classical.estimators.imbalanced import imbalanced
from longtail.classical.head import Fitted
from longtail.classical.inputs import dense_backbone, matrix
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.net import Net

DEEPEST = 8
"""Levels of a tree, at most, when ``depth`` is too few."""


class RUSBoost:
    """Args:
    rounds: trees.
    depth: of each.
    components: directions that sparse rows are projected on.
    """

    def __init__(self, rounds: int = 50, depth: int = 1, components: int = 128) -> None:
        if rounds < 1 or depth < 1:
            raise ValueError(f"rounds={rounds} and depth={depth} must be at least 1")
        self.rounds, self.depth, self.components = rounds, depth, components

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Fit: a net giving log-probabilities, and the prior they assume (None)."""
        from sklearn.tree import DecisionTreeClassifier

        backbone = dense_backbone(x, self.components, seed)
        classes, y = np.unique(labels.y.numpy(), return_inverse=True)
        rows = matrix(backbone(x))
        for depth in range(self.depth, max(self.depth, DEEPEST) + 1):
            model = imbalanced("ensemble").RUSBoostClassifier(
                estimator=DecisionTreeClassifier(max_depth=depth), n_estimators=self.rounds, random_state=seed
            )
            try:
                with threads_limited(threads):
                    model.fit(rows, y)
                break
            except ValueError as why:
                if "worse than random" not in str(why):
                    raise
        else:
            raise ValueError(
                f"rus_boost: trees of depth {depth} on one under-sample of the classes are no better than chance: take "
                "another recipe (easy-ensemble, balanced-random-forest)"
            )
        return Net(backbone, Fitted.of(model, labels, backbone.out_features, classes=classes)), None
