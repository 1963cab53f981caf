"""Embeddings: ready-made features, a vector a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from longtail.backbones import MLP, Identity
from longtail.formats.sheet import Sheet
from longtail.inputs import Inputs
from longtail.kinds.embedding.encoder import EmbeddingEncoder
from longtail.kinds.embedding.read import embeddings_in, embeddings_of
from longtail.kinds.kind import Kind, tensor_keys, tensor_shape
from longtail.kinds.table import TABLE
from longtail.part import Part, part


def net(x: Inputs, name: str | None) -> Part[Any]:
    """The features themselves, unless a hidden layer is asked for."""
    width = int(x.shape[1])
    return part(MLP, num_features=width, dropout=0.3) if name == "mlp" else part(Identity, num_features=width)


def in_columns(sheet: Sheet, columns: list[str], skip_bad: bool, notes: list[str]) -> tuple[Tensor, None]:
    """A column of vectors, or columns of numbers, of a file."""
    return embeddings_in(sheet, columns, notes), None


def in_memory(
    x: Any, like: EmbeddingEncoder, text: str | int | None, missing: Sequence[str]
) -> tuple[Any, list[str]]:
    """Rows in memory, as the encoder takes them."""
    return embeddings_of(x.to_numpy() if hasattr(x, "columns") else x), []


EMBEDDING = Kind(
    name="embedding",
    keys=tensor_keys,
    shape=tensor_shape,
    in_columns=in_columns,
    in_memory=in_memory,
    encoder=lambda raw: EmbeddingEncoder,
    stage=TABLE.stage,  # a head on ready-made features: solved where the recipe is a mean over rows
    nets=("linear", "mlp"),
    net=net,
    default="linear",
    given="standardised numbers",
    remedy="Make its first layer nn.Linear({d}, ...)",
)
