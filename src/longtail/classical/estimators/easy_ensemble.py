"""EasyEnsemble (Liu, Wu and Zhou, "Exploratory undersampling for class-imbalance learning", IEEE SMC-B 2009;
imbalanced-learn).

AdaBoost on each of several random balanced subsets; the mean of their probabilities. AdaBoost's
probabilities are scores, so there is no closed-form prior and ``fit`` returns None: calibrate on held-out
rows.

| imbalanced-learn | here |
|---|---|
| ``n_estimators``, ``AdaBoostClassifier(n_estimators)`` | ``subsets``, ``rounds`` |
"""

from __future__ import annotations

from torch import Tensor

from longtail.classical.estimators.imbalanced import imbalanced
from longtail.classical.head import Fitted
from longtail.classical.inputs import dense_backbone, matrix
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.net import Net


class EasyEnsemble:
    """Args:
    subsets: balanced subsets.
    rounds: stumps boosted on each.
    components: directions that sparse rows are projected on.
    """

    def __init__(self, subsets: int = 10, rounds: int = 50, components: int = 128) -> None:
        if subsets < 1 or rounds < 1:
            raise ValueError(f"subsets={subsets} and rounds={rounds} must be at least 1")
        self.subsets, self.rounds, self.components = subsets, rounds, components

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Fit: a net giving log-probabilities, and the prior they assume (None)."""
        from sklearn.ensemble import AdaBoostClassifier

        backbone = dense_backbone(x, self.components, seed)
        model = imbalanced("ensemble").EasyEnsembleClassifier(
            n_estimators=self.subsets,
            estimator=AdaBoostClassifier(n_estimators=self.rounds),
            n_jobs=threads,
            random_state=seed,
        )
        with threads_limited(threads):
            model.fit(matrix(backbone(x)), labels.y.numpy())
        return Net(backbone, Fitted.of(model, labels, backbone.out_features)), None
