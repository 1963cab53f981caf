"""LinearModel: a fitted multinomial logistic regression, on dense features or sparse rows.

``log p(c | x) = log_softmax(W^T x + b)``. A binary model of scikit-learn has one column ``w``; here it is
``[0, w]``, the same function. Classes that training lacked get the log-probability ``FLOOR``.

| scikit-learn | here |
|---|---|
| ``coef_.T``, ``intercept_`` | ``weight [d, K]``, ``bias [K]`` |
| ``classes_`` | ``classes [K]`` |
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longtail.classical.heads.trees import place
from longtail.classical.inputs import bag
from longtail.examples import Inputs, SparseRows
from longtail.part import part


class LinearModel(nn.Module):
    """``x [N, d] -> log-probabilities [N, C]``.

    Args:
        num_features: d.
        num_classes: C.
        known: K, the classes seen in training.

    >>> LinearModel(4, 3, known=3)(torch.zeros(1, 4)).exp()
    tensor([[0.3333, 0.3333, 0.3333]])
    """

    weight: Tensor
    bias: Tensor
    classes: Tensor

    def __init__(self, num_features: int, num_classes: int, known: int) -> None:
        super().__init__()
        self.in_features, self.out_features = num_features, num_classes
        self.register_buffer("weight", torch.zeros(num_features, known, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(known, dtype=torch.float64))
        self.register_buffer("classes", torch.arange(known))
        self.spec = part(LinearModel, num_features=num_features, num_classes=num_classes, known=known)

    def forward(self, x: Inputs) -> Tensor:
        scores = bag(x, self.weight) if isinstance(x, SparseRows) else x.double() @ self.weight
        return place(torch.log_softmax(scores + self.bias, -1), self.classes, self.out_features)

    @classmethod
    def of(cls, estimator: Any, num_classes: int) -> LinearModel:
        """The head of a fitted ``sklearn.linear_model.LogisticRegression``."""
        w, b = estimator.coef_, estimator.intercept_
        if len(w) == 1:
            w, b = np.concatenate([0 * w, w]), np.concatenate([0 * b, b])
        out = cls(w.shape[1], num_classes, len(w))
        out.weight.copy_(torch.from_numpy(w.T.copy()))
        out.bias.copy_(torch.from_numpy(b))
        out.classes.copy_(torch.from_numpy(np.asarray(estimator.classes_)))
        return out

    @classmethod
    def constant(cls, num_features: int, num_classes: int, only: int) -> LinearModel:
        """Always the class ``only``: what training on one class gives."""
        out = cls(num_features, num_classes, 1)
        out.classes.fill_(only)
        return out
