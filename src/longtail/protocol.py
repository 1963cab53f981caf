"""Protocols: how training goes on each kind of data. A recipe says what a paper changes; the rest is here.

The first functions return a base ``Stage``; the last ones pick stage, backbone and net for a kind of data.
"""

from __future__ import annotations

from typing import Any

import torch

from longtail.augment import CropFlip
from longtail.backbones import MLP, BagOfWords, Identity, ResNetCIFAR
from longtail.examples import Examples, Inputs, SparseRows
from longtail.heads import Linear
from longtail.net import Net
from longtail.part import Part, part
from longtail.recipe import Stage
from longtail.schedule import Cosine, Steps
from longtail.seeds import seed_of


def cifar_ldam(epochs: int = 200) -> Stage:
    """The LDAM-DRW protocol for CIFAR-LT (Cao et al. 2019): SGD 0.1, weight decay 2e-4, x0.01 at 80 % and 90 %."""
    return Stage(
        epochs=epochs,
        batch_size=128,
        augment=part(CropFlip, pad=4, flip=True),
        optim=part(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=2e-4),
        schedule=part(Steps, milestones=(0.8, 0.9), factor=0.01, warmup=0.025),
    )


def cifar_modern(epochs: int = 200) -> Stage:
    """Nesterov, weight decay 5e-4 and a cosine; crop and flip."""
    return cifar_ldam(epochs).but(
        optim=part(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=part(Cosine),
    )


def small_images(epochs: int = 15) -> Stage:
    """A short run for a first answer: ``cifar_modern`` with small shifts and no flip (digits have a left and a right)."""
    return cifar_modern(epochs).but(augment=part(CropFlip, pad=2, flip=False), batch_size=64)


def tabular(epochs: int = 30) -> Stage:
    """AdamW with a cosine on standardised columns."""
    return Stage(
        epochs=epochs,
        batch_size=128,
        optim=part(torch.optim.AdamW, lr=2e-3, weight_decay=1e-2),
        schedule=part(Cosine, warmup=0.05),
    )


def text(epochs: int = 8) -> Stage:
    """AdamW with a cosine on bags of n-grams."""
    return Stage(
        epochs=epochs,
        batch_size=64,
        optim=part(torch.optim.AdamW, lr=3e-3, weight_decay=1e-2),
        schedule=part(Cosine, warmup=0.05),
    )


def embeddings(epochs: int = 30) -> Stage:
    """A head on ready-made features."""
    return tabular(epochs)


BACKBONES = ("resnet8", "resnet20", "resnet32", "mlp", "linear")
Backbone = str | Part[Any] | Net | None


def base_stage(kind: str, epochs: int | None = None) -> Stage:
    """The base stage for a kind of data.

    Args:
        kind: "image", "text", "table" or "embedding".
        epochs: its length; later stages scale with it. None takes the kind's own.

    Raises:
        ValueError: an unknown kind.
    """
    stages = {"image": small_images, "text": text, "table": tabular, "embedding": embeddings}
    if kind not in stages:
        raise ValueError(f"kind={kind!r} must be one of {', '.join(stages)}")
    return stages[kind]() if epochs is None else stages[kind](epochs)


def default_backbone(kind: str, x: Inputs, name: str | None = None) -> Part[Any]:
    """The backbone for a kind of data, or the one of that name.

    Raises:
        ValueError: an unknown name, or one that does not fit the kind.
    """
    if name is not None and name not in BACKBONES:
        raise ValueError(f"backbone={name!r} must be one of {', '.join(BACKBONES)}")
    if kind == "image":
        if name in ("mlp", "linear"):
            raise ValueError(f"backbone={name!r} does not take images; use resnet8, resnet20 or resnet32")
        return part(ResNetCIFAR, depth=int((name or "resnet8").removeprefix("resnet")))
    if name is not None and name.startswith("resnet"):
        raise ValueError(f"backbone={name!r} takes images, and this is {kind} data; use mlp or linear")
    width = int(x.shape[1])
    if isinstance(x, SparseRows):
        return part(BagOfWords, num_features=width)
    if name == "linear" or (kind == "embedding" and name is None):
        return part(Identity, num_features=width)
    return part(MLP, num_features=width)


def starting_net(kind: str, data: Examples, seed: int, backbone: Backbone = None) -> Net:
    """Initial weights, from the seed: the backbone (None is the kind's default) under a linear head.

    A net of your own is taken as it is.
    """
    if isinstance(backbone, Net):
        return backbone
    made = backbone if isinstance(backbone, Part) else default_backbone(kind, data.x, backbone)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("initial", seed))
        module = made.build()
        return Net(module, Linear(module.out_features, data.labels.num_classes))
