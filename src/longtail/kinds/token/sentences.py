"""Sentences: tokens that are rows, each with the sentence it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Sentences:
    """N tokens as rows. A row is a place in a sentence, so that each token brings all words around it.

    Attributes:
        words: the tokens of each sentence.
        sentence: int64 ``[N]``, the number of each row's sentence in ``words``.
        place: int64 ``[N]``, where in it the token stands, from 0.

    >>> rows = Sentences.of([["EU", "says"], ["Why"]])
    >>> len(rows), rows.take(torch.tensor([2, 1])).tokens
    (3, ['Why', 'says'])
    """

    words: tuple[tuple[str, ...], ...]
    sentence: Tensor
    place: Tensor

    @classmethod
    def of(cls, words: Sequence[Sequence[str]]) -> Sentences:
        """All tokens of these sentences, in order."""
        lengths = torch.tensor([len(s) for s in words], dtype=torch.int64)
        sentence = torch.repeat_interleave(torch.arange(len(words)), lengths)
        starts = lengths.cumsum(0) - lengths
        return cls(tuple(map(tuple, words)), sentence, torch.arange(len(sentence)) - starts[sentence])

    def __len__(self) -> int:
        return len(self.sentence)

    def take(self, index: Tensor) -> Sentences:
        """The rows at ``index``; their sentences stay whole."""
        return Sentences(self.words, self.sentence[index], self.place[index])

    def followed_by(self, others: Sequence[Sentences]) -> Sentences:
        """These rows, and those of others behind them."""
        words, rows, places = list(self.words), [self.sentence], [self.place]
        for other in others:
            rows.append(other.sentence + len(words))
            places.append(other.place)
            words += other.words
        return Sentences(tuple(words), torch.cat(rows), torch.cat(places))

    def used(self) -> tuple[list[tuple[str, ...]], Tensor]:
        """The sentences that some row stands in, and the number of each row's among them, int64 ``[N]``."""
        which, number = self.sentence.unique(return_inverse=True)
        return [self.words[k] for k in which.tolist()], number

    @property
    def tokens(self) -> list[str]:
        """The token of each row."""
        return [self.words[s][p] for s, p in zip(self.sentence.tolist(), self.place.tolist())]

    def around(self, row: int, reach: int = 6) -> str:
        """A token in brackets with the words around it.

        >>> Sentences.of([["the", "EU", "says"]]).around(1)
        'the [EU] says'
        """
        words, place = self.words[int(self.sentence[row])], int(self.place[row])
        before, after = words[max(0, place - reach) : place], words[place + 1 : place + 1 + reach]
        return " ".join((*before, f"[{words[place]}]", *after))
