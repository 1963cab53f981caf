"""Cached features: where nothing before the head moves, the backbone runs once and the head trains on its output.

Without augmentation a stage sees each example's one feature vector, and caching changes no bit of the result wherever
the backbone computes a row the same way whatever batch the row comes in: the convolutions of the CIFAR ResNets do,
from eight images a batch on. BLAS may round a row of a matrix product by its place in the batch, so behind a wide
linear layer the two agree to the last bits only, as two orders of the same batch do. To that end the rows go through
in batches of the stage's own size and memory format, and a short last batch is filled up with rows before it.

With augmentation ``Stage.views`` = K says how many augmented views of each example are kept. Each time an example is
drawn, one of its K views is taken at random: a class that is drawn often shows all of them within an epoch. That is
the full pass with K draws of the augmentation in place of fresh ones.

More than ``IN_MEMORY`` bytes lie in a temporary file, mapped into memory and gone with the stage.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longtail.examples import Examples
from longtail.net import Net
from longtail.part import part
from longtail.recipe import Stage
from longtail.run.engine import Engine
from longtail.seeds import generator, seed_of
from longtail.source import OnDisk, Resident, Source, are_images

IN_MEMORY = 2 * 2**30

Augment = Callable[[Any, torch.Generator], Any]


class OneView:
    """An augmentation of cached views ``[B, K, ...]``: one view of each example, at random."""

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        k = torch.randint(x.shape[1], (len(x),), generator=generator, device=x.device)
        return x[torch.arange(len(x), device=x.device), k]


def head_only(
    net: Net,
    stage: Stage,
    data: Examples,
    engine: Engine,
    *,
    augment: Augment | None,
    key: str,
    scratch: Path | None = None,
) -> tuple[Net, Stage, Examples, Source]:
    """The same stage without its backbone: the bare head, and what it trains on.

    Args:
        net: in place; its backbone runs here, and stays as it is.
        stage: one that trains the head alone.
        data: the training examples.
        engine: device and numerics.
        augment: the stage's augmentation, built.
        key: of the stage; seeds the views.
        scratch: where a file that is too large for memory goes; None is the system's.

    Returns:
        the head as a net; the stage, whose augmentation now picks views; the examples of one view, for what the parts
        of the stage ask of the data; and the inputs to train on: ``[N, ...]``, or ``[N, views, ...]``.
    """
    x = features_of(net.backbone, data.source, engine, stage.batch_size, stage.views, augment, key, scratch)
    head, kept = Net(nn.Identity(), net.head), OnDisk if too_large(x.shape) else Resident
    if augment is None:
        return head, stage, Examples(kept(x), data.targets, data.name), kept(x)
    one_view = Examples(kept(x[:, 0]), data.targets, data.name)
    return head, stage.but(augment=part(OneView)), one_view, kept(x)


def features_of(
    backbone: nn.Module,
    source: Source,
    engine: Engine,
    batch: int,
    views: int = 0,
    augment: Augment | None = None,
    key: str = "",
    scratch: Path | None = None,
) -> Tensor:
    """The backbone's output for all inputs, float32: ``[N, ...]``, or with an augmentation ``[N, views, ...]``; mapped
    from a file where it is too large for memory.
    """
    device, n = engine.on, len(source)
    backbone.eval().to(device)
    if engine.channels_last and are_images(source):
        backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    out: Tensor | None = None
    with torch.no_grad(), engine.autocast(), torch.random.fork_rng(devices=[]):
        for k in range(views if augment is not None else 1):
            torch.manual_seed(seed_of(key, "view", k, "global"))
            draw = generator(key, "view", k, device=device)
            for start in range(0, n, batch):
                rows = slice(max(0, min(start, n - batch)), min(start + batch, n))
                inputs: Any = source.batch(rows, device)
                if augment is not None:
                    inputs = augment(inputs, draw)
                found = backbone(inputs).float().cpu()
                if out is None:
                    out = empty((n, *(() if augment is None else (views,)), *found.shape[1:]), scratch)
                (out if augment is None else out[:, k])[rows] = found
                engine.check_time()
    assert out is not None
    return out


def empty(shape: tuple[int, ...], scratch: Path | None) -> Tensor:
    """Room for float32 numbers: in memory, or above ``IN_MEMORY`` bytes in a nameless file that is mapped."""
    if not too_large(shape):
        return torch.empty(shape)
    with tempfile.TemporaryFile(
        dir=scratch
    ) as file:  # the mapping outlives the name, and nothing is left behind
        return torch.from_numpy(np.memmap(file, np.float32, "w+", shape=shape))


def too_large(shape: Sequence[int]) -> bool:
    """Are that many float32 numbers more than is kept in memory?"""
    return 4 * math.prod(shape) > IN_MEMORY
