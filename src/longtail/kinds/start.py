"""What training starts from on a kind of data: the base stage, and a net with its initial weights."""

from __future__ import annotations

from typing import Any

import torch

from longtail.backbones import as_pretrained
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.inputs import Inputs
from longtail.kinds import KINDS, kind_of
from longtail.net import Net
from longtail.own_net import on_rows
from longtail.part import Part
from longtail.protocol import Backbone
from longtail.recipe import Stage
from longtail.seeds import seed_of
from longtail.source import no_rows


def base_stage(
    kind: str,
    *,
    n: int = 10_000,
    side: int = 32,
    epochs: int | None = None,
    backbone: Backbone = None,
    classes: int = 2,
) -> Stage:
    """The base stage for a kind of data.

    Args:
        kind: "image", "text", "table" or "embedding".
        n: training rows.
        side: of the images, in pixels.
        epochs: its length; later stages scale with it. None takes the kind's own.
        backbone: a pre-trained encoder is adapted or fine-tuned in its own way.
        classes: more classes take more steps.

    Raises:
        ValueError: an unknown kind.
    """
    encoder, found = as_pretrained(backbone), kind_of(kind)
    if encoder is not None:
        encoder.check(found)
        stage = found.adapt if encoder.tune == "lora" else found.fine_tune
        assert stage is not None
        return stage(n, epochs, side)
    return found.stage(n, side, epochs, classes)


def check_backbone(kind: str, name: str | None) -> None:
    """Raises ValueError for an unknown backbone, or one that does not fit the kind of data."""
    if name is None:
        return
    encoder, here = as_pretrained(name), kind_of(kind)
    if encoder is not None:
        return encoder.check(here)
    known = list(dict.fromkeys(net for other in KINDS.values() for net in other.nets))
    if name not in known:
        raise ValueError(f"backbone={name!r} must be one of {', '.join(known)}, hf:NAME or timm:NAME")
    if name not in here.nets:
        takes = " and ".join(other.name for other in KINDS.values() if name in other.nets)
        fit = ", ".join(here.nets[:-1]) + f" or {here.nets[-1]}"
        raise ValueError(f"backbone={name!r} takes {takes} data, and this is {kind} data; use {fit}")


def default_backbone(kind: str, x: Inputs, name: str | None = None) -> Part[Any]:
    """The backbone for a kind of data, or the one of that name.

    Raises:
        ValueError: an unknown name, or one that does not fit the kind.
    """
    check_backbone(kind, name)
    return kind_of(kind).net(x, name)


def starting_net(kind: str, data: Examples, seed: int, backbone: Backbone = None) -> Net:
    """Initial weights, from the seed: the backbone (None is the kind's default) under a linear head.

    A net of your own keeps its weights, and is given floats; see :mod:`longtail.own_net`.
    """
    if isinstance(backbone, Net):
        return on_rows(backbone, data.source.batch(slice(0, 2), "cpu"), seed_of("initial", seed))
    encoder = as_pretrained(backbone)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("initial", seed))
        module: Any
        if encoder is not None:
            module = encoder.load(kind_of(kind))
        elif isinstance(backbone, Part):
            module = backbone.build()
        else:
            assert backbone is None or isinstance(backbone, str)
            module = default_backbone(kind, no_rows(data.source), backbone).build()
        return Net(module, Linear(module.out_features, data.targets.classes.num_classes))
