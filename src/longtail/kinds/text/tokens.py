"""Texts as token ids, by the tokenizer of a Hugging Face encoder. The tokenizer is kept as its JSON, so a saved model
needs neither the hub nor the folder that the encoder came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from torch import Tensor

from longtail.inputs import TokenRows
from longtail.kinds.text.encoder import refuse_frames

UNLIMITED = 10**6
"""A tokenizer that says it takes more tokens than this says that it does not know."""


@dataclass(frozen=True, eq=False)
class TokenEncoder:
    """Texts -> :class:`TokenRows`, at most ``tokens`` a text (what is longer is cut at its end).

    Attributes:
        tokenizer: JSON of a ``tokenizers.Tokenizer``.
        tokens: the longest row.
        pad: the id that stands for nothing; an empty text without special tokens is one of it.
    """

    tokenizer: str
    tokens: int
    pad: int
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "text"

    @classmethod
    def of(cls, source: str, tokens: int = 256, download: bool = False) -> TokenEncoder:
        """The tokenizer of a folder or a cached name.

        Args:
            source: a folder written by ``save_pretrained``, or a name in the local cache.
            tokens: the longest row; the encoder's own limit holds where it is lower.
            download: may the hub be asked for what is not here?

        Raises:
            ImportError: transformers is not installed.
            ValueError: not here, or a tokenizer that has no fast (Rust) form.
        """
        try:
            from transformers import AutoTokenizer
        except ImportError as why:
            raise ImportError('hf: backbones need transformers: pip install "longtail[text]"') from why
        try:
            made = AutoTokenizer.from_pretrained(
                source, local_files_only=not download, trust_remote_code=False, use_fast=True
            )
        except (OSError, ValueError) as why:
            raise ValueError(f"backbone hf:{source} has no tokenizer that can be read here: {why}") from why
        backend = getattr(made, "backend_tokenizer", None)
        if backend is None:
            raise ValueError(
                f"backbone hf:{source}: {type(made).__name__} has no fast form (tokenizer.json); convert it once with "
                "AutoTokenizer.from_pretrained(..., use_fast=True).save_pretrained(...)"
            )
        limit = min(tokens, made.model_max_length if made.model_max_length < UNLIMITED else tokens)
        encoder = cls(
            backend.to_str(), int(limit), int(made.pad_token_id if made.pad_token_id is not None else 0)
        )
        probe = ["It is 7 o'clock.", "味道很不错"]
        said = made(probe, truncation=True, max_length=encoder.tokens)["input_ids"]
        if [encoder(probe)[i : i + 1].ids.tolist() for i in range(2)] != [list(row) for row in said]:
            raise ValueError(
                f"backbone hf:{source}: {type(made).__name__} does more than its tokenizer.json says, so a saved model "
                "would read texts differently; this tokenizer is not supported"
            )
        return encoder.but_notes((f"tokens of {type(made).__name__}, at most {encoder.tokens} a text",))

    def but_notes(self, notes: tuple[str, ...]) -> TokenEncoder:
        """The same with other notes."""
        return TokenEncoder(self.tokenizer, self.tokens, self.pad, notes)

    def noting_cuts(self, raw: Sequence[str]) -> TokenEncoder:
        """The same, saying how many of these texts are cut."""
        full = int((self(raw).lengths >= self.tokens).sum())
        said = f"{full} of {len(raw)} texts fill all {self.tokens} tokens and may be cut"
        return self.but_notes((*self.notes, said)) if full else self

    @cached_property
    def _backend(self) -> Any:
        backend = backend_of(self.tokenizer)
        backend.enable_truncation(self.tokens)
        return backend

    def __call__(self, raw: Sequence[str]) -> TokenRows:
        refuse_frames(raw)
        return TokenRows.of([row.ids or [self.pad] for row in self._backend.encode_batch(list(raw))])

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (self.tokens,)

    @property
    def num_features(self) -> int:
        return self.tokens

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        facts = {"tokenizer": self.tokenizer, "tokens": self.tokens, "pad": self.pad}
        return {"kind": self.kind, **facts, "notes": list(self.notes)}, {}

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> TokenEncoder:
        return cls(facts["tokenizer"], int(facts["tokens"]), int(facts["pad"]), tuple(facts["notes"]))


def backend_of(tokenizer: str) -> Any:
    """A ``tokenizers.Tokenizer`` that neither fills up nor cuts, from its JSON.

    Raises:
        ImportError: tokenizers is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError as why:
        raise ImportError('this model reads tokens: pip install "longtail[text]"') from why
    backend = Tokenizer.from_str(tokenizer)
    backend.no_padding()
    backend.no_truncation()
    return backend
