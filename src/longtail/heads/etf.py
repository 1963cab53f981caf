"""ETF: a fixed head whose class vectors form a simplex, as far from each other as C vectors can be.

Source: Yang et al., "Inducing Neural Collapse in Imbalanced Learning: Do We Really Need a Learnable
Classifier at the End of Deep Neural Network?", NeurIPS 2022: ``W = sqrt(C / (C - 1)) U (I - 11^T / C)``, U
orthonormal, never trained.

| symbol | here |
|---|---|
| W ``[C, d]``, rows of unit norm with cosine -1 / (C - 1) | ``weight`` (a buffer) |
| features on the sphere | ``normalize`` |

Differs from the authors' code in the scale, which there belongs to the dot-regression loss and to the
feature norm; here ``scale`` multiplies the cosines, so that cross-entropy can use them. d may be as small as
C - 1 (there C).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.part import Part, part


def simplex(num_classes: int, feature_dim: int, seed: int = 0) -> Tensor:
    """C unit vectors ``[C, d]`` with pairwise inner product -1 / (C - 1), randomly turned by ``seed``;
    float64.

    Raises:
        ValueError: d < C - 1, where no such vectors exist, or fewer than two classes.

    >>> w = simplex(4, 3)
    >>> (w @ w.T).allclose(torch.eye(4, dtype=w.dtype) * 4 / 3 - 1 / 3)
    True
    """
    c = num_classes
    if c < 2 or feature_dim < c - 1:
        raise ValueError(
            f"a simplex of num_classes={c} needs feature_dim >= {max(c - 1, 1)}, got {feature_dim}"
        )
    centred = torch.eye(c, dtype=torch.float64) - 1 / c
    corners = (c / (c - 1)) ** 0.5 * centred
    basis = torch.linalg.svd(centred).U[:, : c - 1]
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(feature_dim, c - 1, generator=generator, dtype=torch.float64)).Q
    return corners @ basis @ turn.T


class ETF(nn.Module):
    """``features [B, d] -> scale * <features, simplex vectors> [B, C]``. Nothing in it is trained.

    Args:
        feature_dim: d (a fact), at least C - 1.
        num_classes: C (a fact).
        scale: > 0.
        normalize: put the features on the unit sphere first?
        seed: of the random rotation.

    Raises:
        ValueError: ``scale`` is not positive, or d < C - 1.
    """

    weight: Tensor

    def __init__(
        self, feature_dim: int, num_classes: int, scale: float = 30.0, normalize: bool = True, seed: int = 0
    ) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"scale={scale} must be positive")
        self.in_features, self.out_features = feature_dim, num_classes
        self.scale, self.normalize = scale, normalize
        self.register_buffer("weight", simplex(num_classes, feature_dim, seed).to(torch.get_default_dtype()))
        self.spec: Part[Any] = part(
            ETF,
            feature_dim=feature_dim,
            num_classes=num_classes,
            scale=scale,
            normalize=normalize,
            seed=seed,
        )

    def forward(self, features: Tensor) -> Tensor:
        f = F.normalize(features, dim=-1) if self.normalize else features
        return self.scale * F.linear(f, self.weight)
