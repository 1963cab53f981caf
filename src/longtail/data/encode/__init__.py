"""Encoders: raw rows -> what a net is fed. Fitted on training rows only; saved as JSON and tensors."""

from longtail.data.dataset import Dataset
from longtail.data.encode.embedding import EmbeddingEncoder
from longtail.data.encode.features import FeatureEncoder
from longtail.data.encode.image import ImageEncoder
from longtail.data.encode.sparse import SparseEncoder
from longtail.data.encode.table import TableEncoder
from longtail.data.encode.text import TextEncoder
from longtail.data.encode.tokens import TokenEncoder
from longtail.examples import SparseRows

__all__ = [
    "EmbeddingEncoder", "Encoder", "FeatureEncoder", "ImageEncoder", "SparseEncoder", "TableEncoder", "TextEncoder",
    "TokenEncoder", "encoder_for",
]  # fmt: skip

Encoder = (
    TableEncoder
    | TextEncoder
    | TokenEncoder
    | ImageEncoder
    | EmbeddingEncoder
    | SparseEncoder
    | FeatureEncoder
)


Fitted = TableEncoder | TextEncoder | ImageEncoder | EmbeddingEncoder | SparseEncoder
"""Those that learn from the training rows."""


def encoder_for(dataset: Dataset) -> type[Fitted]:
    """The encoder class of a dataset's kind.

    >>> from longtail.data import load
    >>> encoder_for(load("digits-lt")).__name__
    'ImageEncoder'
    """
    encoders: dict[str, type[Fitted]] = {
        "table": TableEncoder,
        "text": TextEncoder,
        "image": ImageEncoder,
        "embedding": EmbeddingEncoder,
    }
    return SparseEncoder if isinstance(dataset.raw, SparseRows) else encoders[dataset.kind]
