"""Balanced bagging (Maclin and Opitz, AAAI 1997; imbalanced-learn): trees, each on a randomly under-sampled
bootstrap.

The votes are shares of trees, no probabilities: their prior has no closed form, and ``fit`` returns None.

| imbalanced-learn | here |
|---|---|
| ``n_estimators`` | ``trees`` |
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


class BalancedBagging:
    """Args:
    trees: number of trees.
    smoothing: pseudo-trees that vote for the prior.
    components: directions that sparse rows are projected on.
    """

    def __init__(self, trees: int = 50, smoothing: float = 1.0, components: int = 128) -> None:
        if trees < 1:
            raise ValueError(f"trees={trees} must be at least 1")
        self.trees, self.smoothing, self.components = trees, smoothing, components

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Fit: a net giving log-probabilities, and the prior they assume (None)."""
        backbone = dense_backbone(x, self.components, seed)
        model = imbalanced("ensemble").BalancedBaggingClassifier(
            n_estimators=self.trees, n_jobs=threads, random_state=seed
        )
        with threads_limited(threads):
            model.fit(matrix(backbone(x)), labels.y.numpy())
        smoothing = self.smoothing / self.trees
        head = Fitted.of(model, labels, backbone.out_features, smoothing=smoothing, prior=uniform(labels))
        return Net(backbone, head), None
