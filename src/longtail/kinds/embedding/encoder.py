"""Embeddings, standardised by the training rows or left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class EmbeddingEncoder:
    """float32 ``[N, d]``: ``(x - mean) / std``; a dimension that is constant in training becomes 0.

    >>> encoder = EmbeddingEncoder.fit(torch.tensor([[0.0], [2.0]]))
    >>> encoder(torch.tensor([[2.0]])).item()
    1.0
    """

    mean: Tensor
    std: Tensor
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "embedding"

    @classmethod
    def fit(cls, raw: Tensor, standardise: bool = True) -> EmbeddingEncoder:
        """Mean and standard deviation of the training rows; 0 and 1 without ``standardise``."""
        d = raw.shape[1]
        if not standardise:
            return cls(torch.zeros(d), torch.ones(d))
        mean = raw.double().mean(0)
        std = raw.double().std(0, correction=0)
        still = std <= 1e-12 * mean.abs().clamp(min=1e-30)
        said = (f"{int(still.sum())} of {d} dimensions are constant",) if bool(still.any()) else ()
        return cls(mean.float(), torch.where(still, torch.inf, std).float(), said)

    def __call__(self, raw: Tensor) -> Tensor:
        if raw.dim() != 2 or raw.shape[1] != len(self.mean):
            raise ValueError(f"raw has shape {tuple(raw.shape)}; the model takes [N, {len(self.mean)}]")
        return (raw.float() - self.mean) / self.std

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (len(self.mean),)

    @property
    def num_features(self) -> int:
        return len(self.mean)

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        return {"kind": self.kind, "notes": list(self.notes)}, {"mean": self.mean, "std": self.std}

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> EmbeddingEncoder:
        return cls(tensors["mean"], tensors["std"], tuple(facts["notes"]))
