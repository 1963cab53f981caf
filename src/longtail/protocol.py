"""Protocols: what base stages are made of, and the published ones. A recipe says what a paper changes; the rest is here
and, for one's own data, in the kind of data (``longtail.kinds``).
"""

from __future__ import annotations

import math
from typing import Any

import torch

from longtail.augment import AutoAugment, Compose, Corrupt, CropFlip, Cutout, SimCLRView, Suited
from longtail.backbones import Pretrained
from longtail.net import Net
from longtail.optim import LBFGS
from longtail.part import Part, at, part
from longtail.recipe import Stage
from longtail.schedule import Cosine, Steps


def cifar_ldam(epochs: int = 200) -> Stage:
    """The LDAM-DRW protocol for CIFAR-LT (Cao et al. 2019), exactly at 200 epochs: SGD 0.1, momentum 0.9, weight decay
    2e-4, batches of 128, crop and flip; a warm-up of k/5 in epoch k = 1..5; x0.01 after 160 epochs and after 180.
    """
    return Stage(
        epochs=epochs,
        batch_size=128,
        augment=part(CropFlip, pad=4, flip=True),
        optim=part(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=2e-4),
        schedule=part(Steps, milestones=(0.8, 0.9), factor=0.01, warmup=0.025, stairs=5),
    )


def cifar_modern(epochs: int = 200, policy: Part[Any] | None = None) -> Stage:
    """Nesterov, weight decay 5e-4 and a cosine; crop and flip, then ``policy`` (AutoAugment, RandAugment) and cutout."""
    stage = cifar_ldam(epochs).but(
        optim=part(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=part(Cosine),
    )
    if policy is None:
        return stage
    return stage.but(augment=part(Compose, parts=(stage.augment, policy, part(Cutout, size=16))))


SOLVED = part(LBFGS)
"""How a head on fixed inputs is trained in the protocols for one's own data: to the optimum."""


def enough(n: int, classes: int, batch: int) -> int:
    """Epochs to begin with, by steps: 150, and 150 more for each doubling of the classes; at least three passes.

    A number of epochs alone leaves few rows with few steps: 300 rows in batches of 128 for ten epochs are 30. Whether
    longer is better is then tried on held-out rows (:mod:`longtail.comparison.length`).

    >>> enough(1000, classes=2, batch=128), enough(1_000_000, classes=2, batch=1024)
    (38, 3)
    """
    steps = 150 * (1 + math.log2(max(classes, 2)))
    return max(3, math.ceil(steps / math.ceil(n / batch)))


def strong_view(base: Stage) -> Part[Any]:
    """The view that classifies in methods with several: the base's own augmentation, AutoAugment and Cutout of half the
    side, as PaCo, BCL, NCL and ProCo train with on CIFAR-LT. Rows of features stay as they are.
    """
    own = () if base.augment is None else (at(base.augment, 0.0),)
    images = part(Compose, parts=(*own, part(AutoAugment), part(Cutout, share=0.5)))
    return part(Suited, images=images, rows=part(Compose, parts=()))


def contrast_view(base: Stage, *, scale: float = 0.2, blur: float = 0.5) -> Part[Any]:
    """The view that contrasts: SimCLR's of images, mirrored only where the base's are; of rows of features, some
    exchanged (SCARF).

    Args:
        base: the base stage.
        scale: smallest share of the image in a crop.
        blur: probability of the blur.
    """
    own = at(base.augment, 0.0)
    flip = own is None or bool(dict(own.kwargs).get("flip", True))
    images = part(SimCLRView, scale=(scale, 1.0), p_blur=blur, flip=flip)
    return part(Suited, images=images, rows=part(Corrupt, p=0.3))


Backbone = str | Part[Any] | Net | Pretrained | None
