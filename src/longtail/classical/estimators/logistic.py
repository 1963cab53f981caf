"""Logistic regression (scikit-learn, lbfgs), on dense features or sparse rows.

``min_W  1/(2 c) |W|^2 + sum_i w_{y_i} CE(W^T x_i + b, y_i)``.

| scikit-learn | here |
|---|---|
| ``C`` | ``c`` |
| ``class_weight`` | ``class_weight`` |

Weighted, the probabilities assume the weighted prior; see ``weighting.prior_of``.
"""

from __future__ import annotations

import warnings

from torch import Tensor

from longtail.classical.estimators.weighting import check_weight, prior_of
from longtail.classical.head import Fitted
from longtail.classical.inputs import matrix, rows_of
from longtail.classical.threads import threads_limited
from longtail.inputs import Inputs, SparseRows
from longtail.labels import Labels
from longtail.net import Net


class Logistic:
    """Args:
        c: inverse strength of the penalty; None takes 10 for sparse rows (n-grams of unit length), 1
            otherwise.
        class_weight: None or "balanced".
        iterations: of lbfgs, at most.

    >>> import torch
    >>> x = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    >>> net, prior = Logistic(c=100.0).fit(x, Labels.of([0, 0, 0, 1]), seed=0)
    >>> net(x).argmax(1).tolist(), prior.tolist()
    ([0, 0, 0, 1], [0.75, 0.25])
    """

    def __init__(
        self, c: float | None = None, class_weight: str | None = None, iterations: int = 1000
    ) -> None:
        check_weight(class_weight)
        if c is not None and c <= 0:
            raise ValueError(f"c={c} must be positive: it is the inverse strength of the penalty")
        self.c, self.class_weight, self.iterations = c, class_weight, iterations

    def fit(self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1) -> tuple[Net, Tensor]:
        """Fit: a net giving log-probabilities, and the prior they assume."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        backbone = rows_of(x)
        c = self.c or (10.0 if isinstance(x, SparseRows) else 1.0)
        model = LogisticRegression(
            C=c, class_weight=self.class_weight, max_iter=self.iterations, random_state=seed
        )
        with threads_limited(threads), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the iterations are an argument
            model.fit(matrix(backbone(x)), labels.y.numpy())
        head = Fitted.of(model, labels, backbone.out_features)
        return Net(backbone, head), prior_of(labels, self.class_weight)
