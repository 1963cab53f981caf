"""Brings: what a data set and a backbone bring to a recipe, known before a row is encoded or a net is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from longtail.backbones import TextModel, TokenModel, as_pretrained
from longtail.data import Dataset
from longtail.kinds import Kind, kind_of
from longtail.net import Net
from longtail.part import Part
from longtail.protocol import Backbone
from longtail.roles import GivesMaps, called, plays
from longtail.run.suits import Given


def brings(dataset: Dataset, backbone: Backbone = None) -> Given:
    """What a data set and a backbone bring.

    >>> from longtail.data import load
    >>> found = brings(load("digits-lt"))
    >>> found.form, found.backbone, found.maps, found.size
    ('image', 'ResNetCIFAR', True, (8, 8))
    """
    raw, kind = dataset.raw, kind_of(dataset.kind)
    target = builder(kind, backbone)
    form = "tokens" if target in (TextModel, TokenModel) else kind.form(raw)
    images = isinstance(raw, torch.Tensor) and raw.dim() == 4
    return Given(
        form=form, kind=dataset.kind, backbone="" if target is None else called(target),
        # what a function builds is seen when it is built
        maps=target is not None and (not isinstance(target, type) or plays(target, GivesMaps)),
        unlabelled=dataset.unlabelled is not None, size=tuple(raw.shape[2:]) if images else None,
    )  # fmt: skip


def builder(kind: Kind, backbone: Backbone) -> Callable[..., Any] | None:
    """The class or function that builds the backbone; None for a default one of other data than images."""
    encoder = as_pretrained(backbone)
    if encoder is not None:
        encoder.check(kind)
        return kind.pretrained[encoder.library]
    if isinstance(backbone, Net):
        return type(backbone.backbone)
    if isinstance(backbone, Part):
        return backbone.target
    return kind.builds
