"""What the objectives that compare views share: taking them from a stream, one pass of the backbone, a projection."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def views_of(x: Any, number: int, who: str) -> tuple[Any, ...]:
    """The first ``number`` views of a stream's batch.

    Raises:
        ValueError: the stage gives fewer.
    """
    found = x if isinstance(x, tuple) else (x,)
    if len(found) < number:
        raise ValueError(
            f"{who} compares {number} views of each example, and the stage gives {len(found)}: set the stage's "
            "augment=part(Views, parts=(...)), with longtail.protocol's strong_view and contrast_view, say"
        )
    return found[:number]


def encode(backbone: nn.Module, views: tuple[Any, ...]) -> list[Tensor]:
    """Features of each view; views that are tensors pass the backbone together, so that BatchNorm sees them all."""
    if len(views) > 1 and all(isinstance(v, Tensor) for v in views):
        together: Tensor = backbone(torch.cat(views))
        return list(together.split([len(v) for v in views]))
    return [backbone(v) for v in views]


def projector(feature_dim: int, hidden: int | None, dim: int, norm: bool = True) -> nn.Sequential:
    """Linear, BatchNorm (``norm``), ReLU, linear: features ``[B, d]`` to embeddings ``[B, dim]``."""
    hidden = min(8 * feature_dim, 2048) if hidden is None else hidden
    middle = [nn.BatchNorm1d(hidden)] if norm else []
    return nn.Sequential(nn.Linear(feature_dim, hidden), *middle, nn.ReLU(), nn.Linear(hidden, dim))


def unit(x: Tensor) -> Tensor:
    """Rows of norm 1, in float32."""
    return F.normalize(x.float() if x.dtype in (torch.float16, torch.bfloat16) else x, dim=-1)
