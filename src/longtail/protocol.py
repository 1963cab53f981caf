"""Protocols: how training goes on each kind of data. A recipe says what a paper changes; the rest is here.

The first functions return a base ``Stage``; the last ones pick stage, backbone and net for a kind of data.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from longtail.augment import AutoAugment, Compose, Corrupt, CropFlip, Cutout, SimCLRView, Suited
from longtail.backbones import MLP, BagOfWords, Identity, Pretrained, ResNetCIFAR, as_pretrained
from longtail.backbones.lora import TRAINED
from longtail.examples import Examples, Inputs, SparseRows
from longtail.heads import Linear
from longtail.net import Net
from longtail.optim import LBFGS
from longtail.own_net import on_rows
from longtail.part import Part, at, part
from longtail.recipe import Stage
from longtail.schedule import Cosine, Steps
from longtail.seeds import seed_of


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


def small_images(n: int = 10_000, side: int = 32, epochs: int | None = None, classes: int = 10) -> Stage:
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


def tabular(n: int = 10_000, epochs: int | None = None, classes: int = 2) -> Stage:
    """AdamW with a cosine on standardised columns; a long table takes larger batches and fewer epochs."""
    batch = 128 * 2 ** max(0, min(3, round(math.log2(max(n, 1) / 20_000))))
    return Stage(
        epochs=epochs or enough(n, classes, batch),
        batch_size=batch,
        solve=SOLVED,
        optim=part(torch.optim.AdamW, lr=2e-3, weight_decay=1e-2),
        schedule=part(Cosine, warmup=0.05),
    )


def text(n: int = 10_000, epochs: int | None = None, classes: int = 2) -> Stage:
    """SGD with a cosine on bags of n-grams: Adam over-fits the rare ones (see ``backbones.bag_of_words``)."""
    return Stage(
        epochs=epochs or enough(n, classes, 128),
        batch_size=128,
        solve=SOLVED,
        optim=part(torch.optim.SGD, lr=0.02, momentum=0.9, nesterov=True, weight_decay=3e-3),
        schedule=part(Cosine, warmup=0.05),
    )


def embeddings(n: int = 10_000, epochs: int | None = None, classes: int = 2) -> Stage:
    """A head on ready-made features: solved, where the recipe is a mean over rows, and otherwise stepped through."""
    return tabular(n, epochs, classes)


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


def fine_tune(kind: str, n: int = 10_000, epochs: int | None = None, side: int = 224) -> Stage:
    """All weights of a pre-trained encoder, gently: AdamW at a small rate, warm-up, few epochs (Devlin et al., BERT,
    NAACL 2019: 2 to 4 epochs at 2e-5 to 5e-5)."""
    text = kind == "text"
    return Stage(
        epochs=epochs or max(2, min(4, round(40_000 / n))),
        batch_size=32 if text else 64,
        augment=None if text else part(CropFlip, pad=max(1, side // 8), flip=False),
        optim=part(torch.optim.AdamW, lr=3e-5 if text else 1e-5, weight_decay=1e-2),
        schedule=part(Cosine, warmup=0.1),
    )


def adapt(kind: str, n: int = 10_000, epochs: int | None = None, side: int = 224) -> Stage:
    """Low-rank adapters and the head, the encoder still: AdamW at 5e-4 for text (Hu et al., LoRA, ICLR 2022); for images
    SGD at 0.01 with a cosine over 10 epochs (Shi et al., LIFT, ICML 2024)."""
    trains = (TRAINED, "head.*")
    if kind == "text":
        chosen = epochs or max(3, min(6, round(60_000 / n)))
        return fine_tune(kind, n, chosen).but(
            optim=part(torch.optim.AdamW, lr=5e-4, weight_decay=1e-2), trains=trains
        )
    return fine_tune(kind, n, epochs or 10, side).but(
        batch_size=128,
        optim=part(torch.optim.SGD, lr=0.01, momentum=0.9, weight_decay=5e-4),
        schedule=part(Cosine),
        trains=trains,
    )


BACKBONES = ("resnet8", "resnet20", "resnet32", "mlp", "linear")
Backbone = str | Part[Any] | Net | Pretrained | None


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
    encoder = as_pretrained(backbone)
    if encoder is not None:
        encoder.check(kind)
        return (adapt if encoder.tune == "lora" else fine_tune)(kind, n, epochs, side)
    if kind == "image":
        return small_images(n, side, epochs, classes)
    stages = {"text": text, "table": tabular, "embedding": embeddings}
    if kind not in stages:
        raise ValueError(f"kind={kind!r} must be one of image, {', '.join(stages)}")
    return stages[kind](n, epochs, classes)


def check_backbone(kind: str, name: str | None) -> None:
    """Raises ValueError for an unknown backbone, or one that does not fit the kind of data."""
    if name is None:
        return
    encoder = as_pretrained(name)
    if encoder is not None:
        return encoder.check(kind)
    if name not in BACKBONES:
        raise ValueError(f"backbone={name!r} must be one of {', '.join(BACKBONES)}, hf:NAME or timm:NAME")
    if kind == "image" and name in ("mlp", "linear"):
        raise ValueError(f"backbone={name!r} does not take images; use resnet8, resnet20 or resnet32")
    if kind != "image" and name.startswith("resnet"):
        raise ValueError(f"backbone={name!r} takes images, and this is {kind} data; use mlp or linear")


def default_backbone(kind: str, x: Inputs, name: str | None = None) -> Part[Any]:
    """The backbone for a kind of data, or the one of that name.

    Raises:
        ValueError: an unknown name, or one that does not fit the kind.
    """
    check_backbone(kind, name)
    if kind == "image":
        return part(ResNetCIFAR, depth=int((name or "resnet8").removeprefix("resnet")))
    width = int(x.shape[1])
    if isinstance(x, SparseRows):
        return part(BagOfWords, num_features=width, depth=1 if name == "mlp" else 0)
    if name == "linear" or (kind == "embedding" and name is None):
        return part(Identity, num_features=width)
    return part(MLP, num_features=width, dropout=0.3)


def starting_net(kind: str, data: Examples, seed: int, backbone: Backbone = None) -> Net:
    """Initial weights, from the seed: the backbone (None is the kind's default) under a linear head.

    A net of your own keeps its weights, and is given floats; see :mod:`longtail.own_net`.
    """
    if isinstance(backbone, Net):
        return on_rows(backbone, data.x, seed_of("initial", seed))
    encoder = as_pretrained(backbone)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of("initial", seed))
        module: Any
        if encoder is not None:
            module = encoder.load(kind)
        elif isinstance(backbone, Part):
            module = backbone.build()
        else:
            assert backbone is None or isinstance(backbone, str)
            module = default_backbone(kind, data.x, backbone).build()
        return Net(module, Linear(module.out_features, data.labels.num_classes))
