"""Pieces: words of sentences as the pieces of a Hugging Face encoder, each word at the place of its first one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from longtail.inputs import PlacedTokens, TokenRows
from longtail.kinds.text.tokens import TokenEncoder, backend_of
from longtail.kinds.token.sentences import Sentences

Text = tuple[list[int], list[int]]
"""The ids of a text, and the place of each of its words."""


@dataclass(frozen=True, eq=False)
class PieceEncoder:
    """:class:`Sentences` -> :class:`PlacedTokens`. A sentence of more pieces than the encoder takes is cut into texts.

    Attributes:
        texts: the tokenizer, and how many pieces a text has at most.
    """

    texts: TokenEncoder
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "token"

    @classmethod
    def of(cls, source: str, tokens: int = 256, download: bool = False) -> PieceEncoder:
        """The tokenizer of a folder or a cached name; as :meth:`TokenEncoder.of`."""
        made = TokenEncoder.of(source, tokens, download)
        return cls(replace(made, tokenizer=with_spaces(made.tokenizer)), made.notes)

    def noting_cuts(self, raw: Sentences) -> PieceEncoder:
        """The same, saying how many of these sentences are cut."""
        sentences, _ = raw.used()
        cut = sum(len(self._texts_of(words)) > 1 for words in sentences)
        said = f"{cut} of {len(sentences)} sentences have more than {self.texts.tokens} pieces and are cut"
        return replace(self, notes=(*self.notes, said)) if cut else self

    def __call__(self, raw: Sentences) -> PlacedTokens:
        sentences, sentence = raw.used()
        texts: list[list[int]] = []
        text_of, place_of, starts = list[int](), list[int](), list[int]()
        for words in sentences:
            starts.append(len(text_of))
            for ids, places in self._texts_of(words):
                text_of += [len(texts)] * len(places)
                place_of += places
                texts.append(ids)
        word = torch.tensor(starts, dtype=torch.int64)[sentence] + raw.place
        text, place = (torch.tensor(v, dtype=torch.int64)[word] for v in (text_of, place_of))
        return PlacedTokens(TokenRows.of(texts), text, place)

    @cached_property
    def _backend(self) -> Any:
        return backend_of(self.texts.tokenizer)

    def _texts_of(self, words: Sequence[str]) -> list[Text]:
        """One text; or, where it would be too long, those of either half."""
        read = self._backend.encode(list(words), is_pretokenized=True)
        ids, limit = read.ids or [self.texts.pad], self.texts.tokens
        if len(ids) > limit and len(words) > 1:
            half = len(words) // 2
            return [*self._texts_of(words[:half]), *self._texts_of(words[half:])]
        first: dict[int, int] = {}
        for place, word in enumerate(read.word_ids):
            if word is not None:
                first.setdefault(word, place)
        # A word without a piece (a control character, say) is read at the first one of the text.
        return [(ids[:limit], [min(first.get(k, 0), limit - 1) for k in range(len(words))])]

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (self.texts.tokens,)

    @property
    def num_features(self) -> int:
        return self.texts.tokens

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        facts, tensors = self.texts.save()
        return {**facts, "kind": self.kind, "notes": list(self.notes)}, tensors

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> PieceEncoder:
        return cls(TokenEncoder.load(facts, tensors), tuple(facts["notes"]))


def with_spaces(tokenizer: str) -> str:
    """A tokenizer that reads a space as part of the word behind it, told to put one before each word of a list.

    >>> json.loads(with_spaces('{"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}}'))
    {'pre_tokenizer': {'type': 'ByteLevel', 'add_prefix_space': True}}
    """
    facts = json.loads(tokenizer)
    before = facts.get("pre_tokenizer") or {}
    for one in (before, *before.get("pretokenizers", ())):
        if one.get("type") == "ByteLevel" and one.get("add_prefix_space") is False:
            one["add_prefix_space"] = True
    return json.dumps(facts, ensure_ascii=False)
