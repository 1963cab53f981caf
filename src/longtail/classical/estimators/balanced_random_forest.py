"""Balanced random forest (Chen, Liaw and Breiman, "Using random forest to learn imbalanced data", 2004;
imbalanced-learn).

Each tree is grown on a bootstrap sample with the same number of rows of every class. The votes are shares of trees, no
probabilities: their prior has no closed form, and ``fit`` returns None, to be calibrated on out-of-fold rows.

| imbalanced-learn | here |
|---|---|
| ``n_estimators`` | ``trees`` |
| ``sampling_strategy="all"``, ``replacement=True``, ``bootstrap=False`` | always |
"""

from __future__ import annotations

from torch import Tensor

from longtail.classical.estimators.imbalanced import imbalanced
from longtail.classical.estimators.weighting import uniform
from longtail.classical.head import Fitted
from longtail.classical.inputs import dense_backbone, matrix
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.net import Net


class BalancedRandomForest:
    """Args:
    trees: number of trees.
    smoothing: pseudo-trees that vote for the prior.
    components: directions that sparse rows are projected on.
    """

    def __init__(self, trees: int = 300, smoothing: float = 1.0, components: int = 128) -> None:
        if trees < 1:
            raise ValueError(f"trees={trees} must be at least 1")
        self.trees, self.smoothing, self.components = trees, smoothing, components

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Fit: a net giving log-probabilities, and the prior they assume (None)."""
        backbone = dense_backbone(x, self.components, seed)
        model = imbalanced("ensemble").BalancedRandomForestClassifier(
            self.trees,
            sampling_strategy="all",
            replacement=True,
            bootstrap=False,
            n_jobs=threads,
            random_state=seed,
        )
        with threads_limited(threads):
            model.fit(matrix(backbone(x)), labels.y.numpy())
        for name in (
            "pipelines_",
            "samplers_",
        ):  # predicting needs none of what it drew with; it is half the file
            vars(model).pop(name, None)
        smoothing = self.smoothing / self.trees
        head = Fitted.of(model, labels, backbone.out_features, smoothing=smoothing, prior=uniform(labels))
        return Net(backbone, head), None
