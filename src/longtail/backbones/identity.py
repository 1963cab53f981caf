"""Identity: features go straight to the head: the default for embeddings, a linear model for tables."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.part import part


class Identity(nn.Module):
    """Features ``[N, num_features]``, as floats.

    Args:
        num_features: d.
        norm: "none"; "layer" to standardise each row (without weights); "unit" to give each row length 1.

    Raises:
        ValueError: an unknown norm, or features of another width.

    >>> Identity(2, norm="unit")(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """

    def __init__(self, num_features: int, norm: str = "none") -> None:
        super().__init__()
        if norm not in ("none", "layer", "unit"):
            raise ValueError(f"norm={norm!r} must be 'none', 'layer' or 'unit'")
        self.norm = norm
        self.out_features = num_features
        self.spec = part(Identity, num_features=num_features, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != self.out_features:
            raise ValueError(f"x has {x.shape[-1]} columns; this backbone was made for {self.out_features}")
        x = x if x.is_floating_point() else x.float()
        if self.norm == "layer":
            return nn.functional.layer_norm(x, x.shape[-1:])
        return torch.nn.functional.normalize(x, dim=-1) if self.norm == "unit" else x
