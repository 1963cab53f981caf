"""Sparse rows that are features already (TF-IDF of your own, say), brought to a common length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from longtail.inputs import SparseRows


@dataclass(frozen=True)
class SparseEncoder:
    """:class:`SparseRows` in and out, every value times ``scale``: the rows' root mean square length in training is 1,
    as that of TF-IDF rows is, for which training on sparse rows is set up. Zeros stay zeros.

    >>> import torch
    >>> rows = SparseRows(torch.tensor([0, 1, 2]), torch.tensor([0, 1]), torch.tensor([2.0, 2.0]), 3)
    >>> SparseEncoder.fit(rows)(rows).dense().tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """

    num_features: int
    scale: float = 1.0
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "text"

    @classmethod
    def fit(cls, raw: SparseRows) -> SparseEncoder:
        """The scale of the training rows."""
        length = math.sqrt(float(raw.values.double().square().sum()) / max(1, len(raw)))
        return cls(raw.num_columns, 1.0 / length if length > 0 else 1.0)

    def __call__(self, raw: SparseRows) -> SparseRows:
        if raw.num_columns != self.num_features:
            raise ValueError(f"raw has {raw.num_columns} columns; the model takes {self.num_features}")
        return SparseRows(raw.indptr, raw.indices, raw.values.float() * self.scale, raw.num_columns)

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (self.num_features,)

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        return {"kind": self.kind, "num_features": self.num_features, "scale": self.scale}, {}

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> SparseEncoder:
        return cls(int(facts["num_features"]), float(facts["scale"]))
