"""Windows: what a small net sees of a token: the words around it, in small letters, their beginnings, ends and shapes.

A linear layer on these is the window net of Collobert et al., "Natural Language Processing (Almost) from Scratch", JMLR
2011: an embedding for each word at each place, summed; with a layer of ReLU behind it, a convolution of one layer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from longtail.inputs import SparseRows
from longtail.kinds.token.sentences import Sentences

REACH = 2
"""Words on each side."""
EDGE = "edge"
"""What stands beyond the ends of a sentence."""
_RUN = re.compile(r"(.)\1+")


@dataclass(frozen=True, eq=False)
class WindowEncoder:
    """:class:`Sentences` -> :class:`SparseRows` float32: four marks for each of the five words around a token, each with
    the same value, so that a row has length 1 at most. Marks that fewer than two training tokens have are passed over.

    Attributes:
        marks: the marks of words, in training.
        columns: int64 ``[V]``, ascending: ``place * len(marks) + mark`` of each column.

    >>> encoder = WindowEncoder.fit(Sentences.of([["in", "Rome"], ["in", "Oslo"]]))
    >>> encoder(Sentences.of([["in", "Bonn"]])).shape[0]
    2
    """

    marks: tuple[str, ...]
    columns: Tensor
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "token"

    @classmethod
    def fit(cls, raw: Sentences, least: int = 2) -> WindowEncoder:
        """The marks of the training tokens.

        Args:
            least: tokens that a mark must be seen by; where none is, all are kept.
        """
        found = {mark for words in raw.used()[0] for word in words for mark in marks_of(word)}
        marks = (EDGE, *sorted(found))
        places, counts = np.unique(_places(raw, marks), return_counts=True)
        seen = places >= 0
        kept = places[seen & (counts >= least)]
        kept = kept if len(kept) else places[seen]
        said = f"{len(kept)} marks of the {2 * REACH + 1} words around a token"
        return cls(marks, torch.from_numpy(kept), (said,))

    def __call__(self, raw: Sentences) -> SparseRows:
        places, columns = _places(raw, self.marks), self.columns.numpy()
        at = np.minimum(np.searchsorted(columns, places), max(0, len(columns) - 1))
        known = columns[at] == places
        indptr = np.concatenate([[0], known.sum(1).cumsum()]).astype(np.int64)
        indices = torch.from_numpy(at[known].astype(np.int64))
        values = torch.full((len(indices),), 1 / math.sqrt(places.shape[1]))
        return SparseRows(torch.from_numpy(indptr), indices, values, len(columns))

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (self.num_features,)

    @property
    def num_features(self) -> int:
        return len(self.columns)

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        facts = {"kind": self.kind, "marks": list(self.marks), "notes": list(self.notes)}
        return facts, {"columns": self.columns}

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> WindowEncoder:
        return cls(tuple(facts["marks"]), tensors["columns"], tuple(facts["notes"]))


def marks_of(word: str) -> tuple[str, str, str, str]:
    """The word in small letters, its first and last three letters, and its shape.

    >>> marks_of("Berlin"), marks_of("U.S.")[3], marks_of("1996")[3]
    (('w=berlin', 'b=ber', 'e=lin', 's=Xx'), 's=X.X.', 's=0')
    """
    small = word.lower()
    shape = "".join(
        "0" if c.isdigit() else "X" if c.isupper() else "x" if c.islower() else "o" if c.isalpha() else c
        for c in word
    )
    return f"w={small}", f"b={small[:3]}", f"e={small[-3:]}", "s=" + _RUN.sub(r"\1", shape)


def _places(raw: Sentences, marks: Sequence[str]) -> Any:
    """The mark at each place of each row's window, ``place * len(marks) + mark``, int64 ``[N, 20]``; -1 for one that is
    not among ``marks``.
    """
    number = {mark: k for k, mark in enumerate(marks)}
    sentences, sentence = raw.used()
    words: dict[str, int] = {}
    flat = [words.setdefault(word, len(words)) for words_of in sentences for word in words_of]
    table = np.array([[number.get(m, -1) for m in marks_of(word)] for word in words], dtype=np.int64)
    edge = np.array([[number[EDGE], -1, -1, -1]])
    table = np.concatenate([table.reshape(-1, 4), edge])  # the last row is what stands beyond the ends
    lengths = np.array([len(s) for s in sentences], dtype=np.int64)
    starts = lengths.cumsum() - lengths
    own, place = sentence.numpy(), raw.place.numpy()
    out = np.empty((len(raw), 2 * REACH + 1, 4), dtype=np.int64)
    text = np.array([*flat, len(words)], dtype=np.int64)
    for k, offset in enumerate(range(-REACH, REACH + 1)):
        there = place + offset
        inside = (there >= 0) & (there < lengths[own])
        word = text[np.where(inside, starts[own] + there, len(flat))]
        out[:, k] = np.where(table[word] < 0, -1, k * len(marks) + table[word])
    return out.reshape(len(raw), -1)
