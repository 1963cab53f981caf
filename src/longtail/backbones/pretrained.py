"""Pretrained: which pre-trained encoder to use and how, as a small frozen value that travels in a plan.

Written on the command line as ``hf:SOURCE`` or ``timm:NAME``, options behind it by commas:

    hf:bert-base-chinese                        frozen features (the default): the encoder runs once
    hf:/models/bge,normalise=yes                sentence embeddings: frozen, mean-pooled, of length 1
    hf:bert-base-chinese,tune=lora,rank=16      low-rank adapters in the attention, and the head
    hf:bert-base-chinese,tune=full,tokens=128   everything
    timm:convnext_tiny,weights=convnext.safetensors

Nothing is downloaded unless ``download=yes`` is among the options, and no code that comes with a model is ever run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

TUNE = ("frozen", "lora", "full")
YES = {"yes": True, "true": True, "no": False, "false": False}


class Encoded(Protocol):
    """What is asked of a kind of data here (``longtail.kinds.Kind``): the libraries whose encoders read it, with the
    class of backbone that theirs become, and its nets without any.
    """

    @property
    def name(self) -> str: ...
    @property
    def pretrained(self) -> Mapping[str, type]: ...
    @property
    def nets(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Pretrained:
    """A pre-trained encoder.

    Attributes:
        library: "hf" (transformers) or "timm".
        source: a folder that ``save_pretrained`` wrote, or a name; for timm a model's name.
        tune: "frozen": features are computed once, and heads are trained on them; "lora": low-rank adapters are trained
            with the head; "full": everything is.
        pool: text "cls", "mean", "last" or "pooler"; images "cls", "mean" or "pooler". None takes what the model was made
            for: sentence encoders say so, other frozen text encoders take the mean, else the class token.
        normalise: features of length 1? None takes what a sentence encoder says, else no.
        tokens: the longest text.
        rank: of the adapters.
        weights: a file of weights for timm; None takes the cached pre-trained ones.
        download: may the hub be asked for what is not on this machine?

    Raises:
        ValueError: an unknown word, or a number out of range.

    >>> Pretrained.parse("hf:bert-base-chinese,tune=lora,rank=4")
    Pretrained('hf:bert-base-chinese,tune=lora,rank=4')
    """

    library: str
    source: str
    tune: str = "frozen"
    pool: str | None = None
    normalise: bool | None = None
    tokens: int = 256
    rank: int = 8
    weights: str | None = None
    download: bool = False

    def __post_init__(self) -> None:
        if self.library not in ("hf", "timm") or not self.source:
            raise ValueError(f"backbone {self.library}:{self.source}: write hf:FOLDER_OR_NAME or timm:NAME")
        if self.tune not in TUNE:
            raise ValueError(f"backbone {self.source}: tune={self.tune!r} must be one of {', '.join(TUNE)}")
        if self.pool not in (None, "cls", "mean", "last", "pooler"):
            raise ValueError(
                f"backbone {self.source}: pool={self.pool!r} must be cls, mean, last or pooler (last: text only)"
            )
        if self.tokens < 3 or self.rank < 1:
            raise ValueError(
                f"backbone {self.source}: tokens={self.tokens} must be at least 3, rank={self.rank} at least 1"
            )

    @classmethod
    def parse(cls, text: str) -> Pretrained:
        """``library:source,option=value,...``.

        Raises:
            ValueError: an option that does not exist, or a value that does not fit it.
        """
        library, _, rest = text.partition(":")
        source, *options = rest.split(",")
        fields = {f.name: f for f in dataclasses.fields(cls)[2:]}
        given: dict[str, Any] = {}
        for option in options:
            name, _, value = option.partition("=")
            name = name.strip()
            if name not in fields:
                raise ValueError(
                    f"backbone {text!r}: there is no option {name!r}; there are {', '.join(fields)}"
                )
            given[name] = _value(text, name, value.strip(), str(fields[name].type))
        return cls(library, source, **given)

    def __str__(self) -> str:
        changed = [
            (f.name, getattr(self, f.name))
            for f in dataclasses.fields(self)[2:]
            if getattr(self, f.name) != f.default
        ]
        options = "".join(
            f",{k}={ {True: 'yes', False: 'no'}.get(v, v) if isinstance(v, bool) else v }" for k, v in changed
        )
        return f"{self.library}:{self.source}{options}"

    def __repr__(self) -> str:
        return f"Pretrained({str(self)!r})"

    @property
    def frozen(self) -> bool:
        return self.tune == "frozen"

    def check(self, kind: Encoded) -> None:
        """Raises ValueError where this encoder does not take that kind of data."""
        if self.library not in kind.pretrained:
            use = " or ".join(f"{library}:" for library in kind.pretrained) or " or ".join(kind.nets)
            reads = "images" if self.library == "timm" else "text or images"
            raise ValueError(f"backbone {self} reads {reads}, and this is {kind.name} data; use {use}")

    def load(self, kind: Encoded) -> nn.Module:
        """The encoder with its pre-trained weights, as a backbone for a kind of data."""
        from longtail.backbones.text_model import TextModel
        from longtail.backbones.timm_model import TimmModel
        from longtail.backbones.token_model import TokenModel
        from longtail.backbones.vision_model import VisionModel

        self.check(kind)
        rank = self.rank if self.tune == "lora" else 0
        target = kind.pretrained[self.library]
        if target is TimmModel:
            return TimmModel.pretrained(self.source, self.weights, rank, self.download)
        if target is TextModel:
            return TextModel.pretrained(
                self.source, self.pool, self.normalise, rank, self.download, self.frozen
            )
        if target is TokenModel:
            return TokenModel.pretrained(self.source, self.pool, self.normalise, rank, self.download)
        assert target is VisionModel, target
        return VisionModel.pretrained(self.source, self.pool, bool(self.normalise), rank, self.download)

    def fingerprint(self) -> str:
        """What tells two states of the same source apart: its files, their sizes and their times."""
        from longtail.backbones.hub import state_of

        return f"{self} {state_of(self.source, self.download) if self.library == 'hf' else ''}"


def as_pretrained(backbone: object) -> Pretrained | None:
    """The value behind ``"hf:..."`` or ``"timm:..."``; None for any other backbone."""
    if isinstance(backbone, str) and backbone.partition(":")[0] in ("hf", "timm") and ":" in backbone:
        return Pretrained.parse(backbone)
    return backbone if isinstance(backbone, Pretrained) else None


def _value(text: str, name: str, value: str, kind: str) -> Any:
    try:
        if "bool" in kind:
            return YES[value.lower()]
        return int(value) if kind == "int" else value
    except (KeyError, ValueError):
        wanted = "yes or no" if "bool" in kind else "a whole number"
        raise ValueError(f"backbone {text!r}: {name}={value!r} must be {wanted}") from None
