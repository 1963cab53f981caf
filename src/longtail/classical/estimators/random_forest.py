"""Random forest (Breiman, "Random Forests", Machine Learning 2001; scikit-learn).

| scikit-learn | here |
|---|---|
| ``n_estimators``, ``min_samples_leaf``, ``class_weight`` | ``trees``, ``min_leaf``, ``class_weight`` |

Sparse rows are first projected on ``components`` directions. Zero probabilities are smoothed; see
``classical.head``.

The votes are shares of trees, no probabilities: grown-out leaves are pure, and where a rare class has few rows most trees
do not vote for it (with the prior set, 2 to 7 nats off on a toy: docs/decisions/0018). So their prior has no closed form,
with class weights or without, and ``fit`` returns None: calibrate on out-of-fold rows.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classical.estimators.weighting import check_weight
from longtail.classical.head import Fitted
from longtail.classical.inputs import dense_backbone, matrix
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.net import Net


class RandomForest:
    """Args:
        trees: number of trees.
        class_weight: None or "balanced".
        min_leaf: fewest examples in a leaf.
        smoothing: pseudo-trees that vote for the training prior.
        components: directions that sparse rows are projected on.

    >>> import torch
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> net, prior = RandomForest(trees=20).fit(x, Labels.of([0, 0, 1, 1]), seed=0)
    >>> net(x).argmax(1).tolist()
    [0, 0, 1, 1]
    """

    def __init__(
        self,
        trees: int = 300,
        class_weight: str | None = None,
        min_leaf: int = 1,
        smoothing: float = 1.0,
        components: int = 128,
    ) -> None:
        check_weight(class_weight)
        if trees < 1 or min_leaf < 1:
            raise ValueError(f"trees={trees} and min_leaf={min_leaf} must be at least 1")
        self.trees, self.class_weight, self.min_leaf = trees, class_weight, min_leaf
        self.smoothing, self.components = smoothing, components

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Fit: a net giving log-probabilities, and the prior they assume (None)."""
        from sklearn.ensemble import RandomForestClassifier

        backbone = dense_backbone(x, self.components, seed)
        model = RandomForestClassifier(
            self.trees,
            class_weight=self.class_weight,
            min_samples_leaf=self.min_leaf,
            n_jobs=threads,
            random_state=seed,
        )
        with threads_limited(threads):
            model.fit(matrix(backbone(x)), labels.y.numpy())
        head = Fitted.of(model, labels, backbone.out_features, smoothing=self.smoothing / self.trees)
        return Net(backbone, head), None
