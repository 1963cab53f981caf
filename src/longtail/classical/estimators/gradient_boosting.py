"""Histogram gradient boosting (Friedman 2001; Ke et al., "LightGBM", NeurIPS 2017; scikit-learn).

| scikit-learn | here |
|---|---|
| ``max_iter``, ``learning_rate``, ``max_leaf_nodes``, ``l2_regularization`` | ``rounds``, ``rate``, ``leaves``, ``l2`` |
| ``class_weight`` | ``class_weight`` |
| ``categorical_features`` | ``categorical``: the encoder's one-hot columns, as codes |

Differs from scikit-learn's defaults: no early stopping at any size (it would split off rows, and fail on a
class with one). Sparse rows are first projected on ``components`` directions.

Boosted this long, the trees fit their own rows: the probabilities are over-confident, and with another prior set they are
nats off. So their prior has no closed form, and ``fit`` returns None: calibrate on out-of-fold rows.
"""

from __future__ import annotations

from torch import Tensor

from longtail.classical.categorical import Blocks
from longtail.classical.estimators.weighting import check_weight
from longtail.classical.head import Fitted
from longtail.classical.inputs import Coded, dense_backbone, matrix
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs, SparseRows
from longtail.labels import Labels
from longtail.net import Net

MOST = 250
"""Levels of a category, at most, for it to be split by sets of them (scikit-learn: 255); more stay one-hot."""


class GradientBoosting:
    """Args:
        rounds: boosting iterations (each grows a tree, or one a class if there are more than two).
        rate: shrinkage.
        leaves: at most, a tree.
        l2: penalty of the leaf values.
        class_weight: None or "balanced".
        components: directions that sparse rows are projected on.
        categorical: the one-hot columns, as half-open ranges, one per category; each is split by sets of its levels. A
            fact of the data at hand, filled in where it is left out.

    >>> import torch
    >>> x = torch.arange(80.0)[:, None]
    >>> net, prior = GradientBoosting(rounds=5).fit(x, Labels.of([0] * 40 + [1] * 40), seed=0)
    >>> net(x).argmax(1).sum().item()
    40
    """

    def __init__(
        self,
        rounds: int = 100,
        rate: float = 0.1,
        leaves: int = 31,
        l2: float = 0.0,
        class_weight: str | None = None,
        components: int = 128,
        categorical: Blocks = (),
    ) -> None:
        check_weight(class_weight)
        if rounds < 1 or rate <= 0:
            raise ValueError(f"rounds={rounds} must be at least 1 and rate={rate} positive")
        self.rounds, self.rate, self.leaves, self.l2 = rounds, rate, leaves, l2
        self.class_weight, self.components = class_weight, components
        self.blocks = tuple((a, b) for a, b in categorical if 1 < b - a < MOST)

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor | None]:
        """Fit: a net giving log-probabilities, and the prior they assume (None)."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        coded = bool(self.blocks) and not isinstance(x, SparseRows)
        backbone = Coded(x.shape[1], self.blocks) if coded else dense_backbone(x, self.components, seed)
        rows = matrix(backbone(x))
        model = HistGradientBoostingClassifier(
            max_iter=self.rounds,
            learning_rate=self.rate,
            max_leaf_nodes=self.leaves,
            l2_regularization=self.l2,
            class_weight=self.class_weight,
            early_stopping=False,
            categorical_features=[rows.shape[1] - len(self.blocks) + k for k in range(len(self.blocks))]
            if coded
            else None,
            random_state=seed,
        )
        with threads_limited(threads):
            model.fit(rows, labels.y.numpy())
        return Net(backbone, Fitted.of(model, labels, backbone.out_features)), None
