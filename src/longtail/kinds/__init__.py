"""Kinds of data, a folder each: how one is told, read, hashed and encoded, and how training goes on it.

The rest of the house asks a :class:`Kind`; a new kind is a folder here and a line below.
"""

from longtail.kinds.embedding import EMBEDDING
from longtail.kinds.embedding.encoder import EmbeddingEncoder
from longtail.kinds.features import FeatureEncoder
from longtail.kinds.image import IMAGE
from longtail.kinds.image.encoder import ImageEncoder
from longtail.kinds.kind import Kind
from longtail.kinds.table import TABLE
from longtail.kinds.table.encoder import TableEncoder
from longtail.kinds.text import TEXT
from longtail.kinds.text.encoder import TextEncoder
from longtail.kinds.text.sparse import SparseEncoder
from longtail.kinds.text.tokens import TokenEncoder
from longtail.kinds.token import TOKEN
from longtail.kinds.token.pieces import PieceEncoder
from longtail.kinds.token.sentences import Sentences
from longtail.kinds.token.windows import WindowEncoder

KINDS = {kind.name: kind for kind in (IMAGE, TEXT, TABLE, EMBEDDING, TOKEN)}

Encoder = (
    TableEncoder
    | TextEncoder
    | TokenEncoder
    | ImageEncoder
    | EmbeddingEncoder
    | SparseEncoder
    | FeatureEncoder
    | WindowEncoder
    | PieceEncoder
)
"""Raw rows -> what a net is fed. Fitted on training rows only; saved as JSON and tensors."""


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises:
        ValueError: there is none.

    >>> kind_of("image").nets
    ('resnet8', 'resnet20', 'resnet32')
    """
    if name not in KINDS:
        raise ValueError(f"kind={name!r} must be one of {', '.join(KINDS)}")
    return KINDS[name]


__all__ = [
    "EMBEDDING", "IMAGE", "KINDS", "TABLE", "TEXT", "TOKEN", "EmbeddingEncoder", "Encoder", "FeatureEncoder",
    "ImageEncoder", "Kind", "PieceEncoder", "Sentences", "SparseEncoder", "TableEncoder", "TextEncoder", "TokenEncoder",
    "WindowEncoder", "kind_of",
]  # fmt: skip
