"""What stands between the encoded inputs and a classical estimator: the backbone of its net.

An estimator of scikit-learn wants a matrix. Float features are one already; images become their pixels in
0..1; sparse rows stay sparse for linear models, and are projected by a truncated SVD (latent semantic
analysis: Deerwester et al., "Indexing by Latent Semantic"
" Analysis", JASIS 1990) for trees, which would need hours on 50,000 n-gram columns.
Estimators are fitted on the output of the very module that is saved, so both see the same numbers.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.classical.categorical import Blocks, numbers
from longtail.inputs import Inputs, SparseRows
from longtail.part import part


class Rows(nn.Module):
    """Inputs as rows of float32 columns: images ``[N, 3, H, W]`` (uint8) are flattened and divided by 255.

    Args:
        num_features: columns after flattening.

    >>> Rows(12)(torch.full((2, 3, 2, 2), 255, dtype=torch.uint8)).sum().item()
    24.0
    """

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.out_features = num_features
        self.spec = part(Rows, num_features=num_features)

    def forward(self, x: Inputs) -> Any:
        if isinstance(x, SparseRows):
            found = x.num_columns
        else:
            x = x.flatten(1).float() / 255 if x.dtype == torch.uint8 else x.flatten(1).float()
            found = x.shape[1]
        if found != self.out_features:
            raise ValueError(f"x has {found} columns; the model was fitted on {self.out_features}")
        return x


class Coded(nn.Module):
    """Rows of columns ``[N, num_features]`` with each block of one-hot columns as one column of codes, float32: the
    numbers first, then a code per block; see :func:`longtail.classical.categorical.to_codes`.

    >>> Coded(3, ((1, 3),))(torch.tensor([[0.5, 0.0, 1.0], [2.0, 0.0, 0.0]])).tolist()
    [[0.5, 1.0], [2.0, 2.0]]
    """

    def __init__(self, num_features: int, blocks: Blocks) -> None:
        super().__init__()
        self.num_features, self.blocks = num_features, tuple((int(a), int(b)) for a, b in blocks)
        self.free = torch.from_numpy(numbers(num_features, self.blocks))
        self.out_features = len(self.free) + len(self.blocks)
        self.spec = part(Coded, num_features=num_features, blocks=self.blocks)

    def forward(self, x: Inputs) -> Tensor:
        if isinstance(x, SparseRows) or x.shape[1] != self.num_features:
            raise ValueError(f"x has {x.shape[1]} columns; the model was fitted on {self.num_features}")
        codes = [x[:, self.free.to(x.device)].float()]
        for start, stop in self.blocks:
            largest, place = x[:, start:stop].max(1, keepdim=True)
            codes.append(torch.where(largest > 0, place, stop - start).float())
        return torch.cat(codes, 1)


class Projected(nn.Module):
    """Sparse rows ``[N, num_features]`` projected on ``components`` directions: float32 ``[N, components]``.

    >>> Projected(num_features=50, components=8).weight.shape
    torch.Size([50, 8])
    """

    weight: Tensor

    def __init__(self, num_features: int, components: int) -> None:
        super().__init__()
        self.out_features = components
        self.register_buffer("weight", torch.zeros(num_features, components))
        self.spec = part(Projected, num_features=num_features, components=components)

    def forward(self, x: SparseRows) -> Tensor:
        if x.num_columns != len(self.weight):
            raise ValueError(f"x has {x.num_columns} columns; the model was fitted on {len(self.weight)}")
        return bag(x, self.weight)

    @classmethod
    def of(cls, x: SparseRows, components: int, seed: int) -> Projected:
        """The leading right singular vectors of ``x``."""
        from sklearn.decomposition import TruncatedSVD

        fitted = TruncatedSVD(min(components, min(x.shape) - 1), random_state=seed).fit(matrix(x))
        out = cls(x.num_columns, len(fitted.components_))
        out.weight.copy_(torch.from_numpy(fitted.components_.T.copy()))
        return out


def bag(x: SparseRows, table: Tensor) -> Tensor:
    """``x @ table`` for sparse rows and a dense table ``[num_columns, k]``."""
    values = x.values.to(table.dtype)
    return F.embedding_bag(x.indices, table, x.indptr[:-1], per_sample_weights=values, mode="sum")


def matrix(x: Inputs) -> Any:
    """The same rows for scikit-learn: float64 ``[N, d]``, or a float64 CSR matrix."""
    if isinstance(x, SparseRows):
        from scipy.sparse import csr_matrix

        values, indices, indptr = (t.cpu().numpy() for t in (x.values.double(), x.indices, x.indptr))
        # 32-bit indices where they suffice: liblinear and the k-NN of SMOTE take no others
        kind = np.int32 if max(len(values), x.num_columns) < 2**31 else np.int64
        made = csr_matrix((values, indices.astype(kind), indptr.astype(kind)), shape=x.shape)
        made.sum_duplicates()
        return made
    return np.ascontiguousarray(x.double().cpu().numpy())


def from_matrix(m: Any) -> Inputs:
    """The inverse of :func:`matrix`, float32."""
    if isinstance(m, np.ndarray):
        return torch.from_numpy(m).float()
    m = m.tocsr()
    indptr, indices = (torch.from_numpy(a.astype(np.int64)) for a in (m.indptr, m.indices))
    return SparseRows(indptr, indices, torch.from_numpy(m.data).float(), m.shape[1])


def rows_of(x: Inputs) -> Rows:
    """The backbone that hands ``x`` on as it is."""
    return Rows(x.num_columns if isinstance(x, SparseRows) else math.prod(x.shape[1:]))


def dense_backbone(x: Inputs, components: int, seed: int) -> Rows | Projected:
    """A backbone whose output is dense, for estimators made of trees."""
    return Projected.of(x, components, seed) if isinstance(x, SparseRows) else rows_of(x)


PARTS = (
    Coded, Projected, Rows,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
