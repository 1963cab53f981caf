"""Images: pixels of one size or of many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.augment import CropFlip
from longtail.backbones import Pretrained, ResNetCIFAR, TimmModel, VisionModel
from longtail.backbones.lora import TRAINED
from longtail.formats.images import ImageFiles
from longtail.formats.sheet import Sheet
from longtail.inputs import Inputs
from longtail.kinds.image.encoder import ImageEncoder
from longtail.kinds.image.read import images_in, images_of
from longtail.kinds.kind import Kind, tensor_keys, tensor_shape
from longtail.part import Part, part
from longtail.protocol import SOLVED, cifar_modern, enough
from longtail.recipe import Stage
from longtail.schedule import Cosine

MANY = 4000
"""Images from which on a length is checked against a shorter one only: three times as long would be minutes."""


def stage(n: int = 10_000, side: int = 32, epochs: int | None = None, classes: int = 10) -> Stage:
    """A short run for a first answer: small shifts, no flip (digits have a left and a right), SGD with a cosine.

    Few images are seen more often, in smaller batches.
    """
    few = n < 4000
    least = enough(n, classes, 32 if few else 128)
    return cifar_modern(epochs or max(40 if few else 15, least)).but(
        solve=SOLVED,
        batch_size=32 if few else 128,
        augment=part(CropFlip, pad=max(1, side // 8), flip=False),
        optim=part(torch.optim.SGD, lr=0.05 if few else 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=part(Cosine, warmup=0.05),
    )


def fine_tune(n: int, epochs: int | None, side: int) -> Stage:
    """All weights of a pre-trained encoder, gently: AdamW at a small rate, warm-up, few epochs."""
    return Stage(
        epochs=epochs or max(2, min(4, round(40_000 / n))),
        batch_size=64,
        augment=part(CropFlip, pad=max(1, side // 8), flip=False),
        optim=part(torch.optim.AdamW, lr=1e-5, weight_decay=1e-2),
        schedule=part(Cosine, warmup=0.1),
    )


def adapt(n: int, epochs: int | None, side: int) -> Stage:
    """Low-rank adapters and the head, the encoder still: SGD at 0.01 with a cosine over 10 epochs (Shi et al., LIFT, ICML
    2024)."""
    return fine_tune(n, epochs or 10, side).but(
        batch_size=128,
        optim=part(torch.optim.SGD, lr=0.01, momentum=0.9, weight_decay=5e-4),
        schedule=part(Cosine),
        trains=(TRAINED, "head.*"),
    )


def net(x: Inputs, name: str | None) -> Part[Any]:
    """A residual net for small images."""
    return part(ResNetCIFAR, depth=int((name or "resnet8").removeprefix("resnet")))


def front(raw: Any, encoder: Pretrained) -> ImageEncoder:
    """Images of about the size that a pre-trained encoder takes."""
    return ImageEncoder.fit(raw, largest=224)


def keys(raw: Tensor | ImageFiles) -> Any:
    """The hash of each row, uint64 ``[N]``."""
    return tensor_keys(raw) if isinstance(raw, Tensor) else np.asarray(raw.digests, dtype=np.uint64)


def shape(raw: Tensor | ImageFiles) -> str:
    """Size and type, where they are one."""
    return tensor_shape(raw) if isinstance(raw, Tensor) else ""


def in_columns(
    sheet: Sheet, columns: list[str], skip_bad: bool, notes: list[str]
) -> tuple[Any, list[int] | None]:
    """The images whose bytes are in a column of a file."""
    return images_in(sheet, columns[0], skip_bad, notes)


def in_memory(
    x: Any, like: ImageEncoder, text: str | int | None, missing: Sequence[str]
) -> tuple[Any, list[str]]:
    """Rows in memory, as the encoder takes them."""
    return (x if isinstance(x, ImageFiles) else images_of(x)), []


IMAGE = Kind(
    name="image",
    keys=keys,
    shape=shape,
    in_columns=in_columns,
    in_memory=in_memory,
    in_folders=True,
    encoder=lambda raw: ImageEncoder,
    form=lambda raw: "image",
    usual="image",
    stage=stage,
    nets=("resnet8", "resnet20", "resnet32"),
    net=net,
    default="resnet8",
    builds=ResNetCIFAR,
    pretrained={"hf": VisionModel, "timm": TimmModel},
    front=front,
    fine_tune=fine_tune,
    adapt=adapt,
    many=MANY,
    times=9,
    given="pixels in 0..1",
    remedy="It must take floats [batch, 3, height, width]",
)
