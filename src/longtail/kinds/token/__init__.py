"""Tokens: each word of a sentence is a row with a tag, and sees the words around it. The sentence is its group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from longtail.backbones import BagOfWords, Pretrained, TokenModel
from longtail.formats.sheet import Sheet
from longtail.inputs import Inputs
from longtail.kinds.kind import Kind, digest
from longtail.kinds.text import TEXT
from longtail.kinds.token.pieces import PieceEncoder
from longtail.kinds.token.sentences import Sentences
from longtail.kinds.token.tagged import is_sentences, sentences_of
from longtail.kinds.token.windows import WindowEncoder
from longtail.part import Part, part
from longtail.recipe import Stage


def net(x: Inputs, name: str | None) -> Part[Any]:
    """The window net: a layer of ReLU on the marks around a token, unless a linear model is asked for."""
    width = int(x.shape[1])
    depth = 0 if name == "linear" else 1
    return part(BagOfWords, num_features=width, width=64, depth=depth, word_dropout=0.2)


def fine_tune(n: int, epochs: int | None, side: int) -> Stage:
    """As texts are, in two epochs: a batch of tokens reads the sentence of each, so that an epoch reads a sentence up to
    once for each of its tokens."""
    made = TEXT.fine_tune
    assert made is not None
    return made(n, epochs or 2, side)


def adapt(n: int, epochs: int | None, side: int) -> Stage:
    """Low-rank adapters, as for texts, in two epochs."""
    made = TEXT.adapt
    assert made is not None
    return made(n, epochs or 2, side)


def front(raw: Sentences, encoder: Pretrained) -> PieceEncoder:
    """The pieces of a pre-trained encoder."""
    return PieceEncoder.of(encoder.source, encoder.tokens, encoder.download).noting_cuts(raw)


def keys(raw: Sentences) -> Any:
    """The hash of each row, of its sentence and its place in it, uint64 ``[N]``."""
    sentences, sentence = raw.used()
    said = [digest("\0".join(words).encode()) for words in sentences]
    rows = zip(sentence.tolist(), raw.place.tolist())
    return np.array([digest(f"{said[s]} {place}".encode()) for s, place in rows], dtype=np.uint64)


def in_columns(sheet: Sheet, columns: list[str], skip_bad: bool, notes: list[str]) -> tuple[Any, None]:
    """Columns hold no tokens one a row: ``longtail.data.tokens`` reads files of them."""
    raise ValueError(
        f"{sheet.path}: kind='token' takes CoNLL columns (a token and its tag per line, blank lines between) or "
        'rows like {"tokens": ["EU", "says"], "tags": ["B-ORG", "O"]}'
    )


def in_memory(x: Any, like: Any, text: str | int | None, missing: Sequence[str]) -> tuple[Any, list[str]]:
    """Sentences in memory, as the encoder takes them."""
    if not is_sentences(x):
        raise ValueError("X: the model takes sentences: a list of lists of words")
    return sentences_of(x), []


TOKEN = Kind(
    name="token",
    keys=keys,
    shape=lambda raw: "",
    in_columns=in_columns,
    in_memory=in_memory,
    encoder=lambda raw: WindowEncoder,
    form=TEXT.form,
    usual="sparse",
    stage=TEXT.stage,
    nets=("mlp", "linear"),
    net=net,
    default="mlp",
    pretrained={"hf": TokenModel},
    front=front,
    fine_tune=fine_tune,
    adapt=adapt,
    given="marks of the words around a token",
    remedy="Make its first layer nn.LazyLinear(...): the number of marks differs from fold to fold",
)
