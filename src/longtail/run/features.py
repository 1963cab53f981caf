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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from longtail.examples import Examples, Inputs
from longtail.net import Net
from longtail.part import part
from longtail.recipe import Stage
from longtail.run.engine import Engine
from longtail.seeds import generator, seed_of

IN_MEMORY = 2 * 2**30

Augment = Callable[[Any, torch.Generator], Any]


class OneView:
    """An augmentation of cached views ``[B, K, ...]``: one view of each example, at random."""

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        k = torch.randint(x.shape[1], (len(x),), generator=generator, device=x.device)
        return x[torch.arange(len(x), device=x.device), k]


@dataclass(frozen=True, eq=False)
class OnDisk:
    """Rows of a memory-mapped tensor, handed to ``device`` a batch at a time."""

    values: Tensor
    device: torch.device

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        rows = index if isinstance(index, slice) else index.to(self.values.device)
        return self.values[rows].to(self.device)

    def to(self, device: torch.device | str) -> OnDisk:
        return OnDisk(self.values, torch.device(device))


def head_only(
    net: Net,
    stage: Stage,
    data: Examples,
    engine: Engine,
    *,
    augment: Augment | None,
    key: str,
    scratch: Path | None = None,
) -> tuple[Net, Stage, Examples, Any]:
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
    x: Any = features_of(net.backbone, data.x, engine, stage.batch_size, stage.views, augment, key, scratch)
    head = Net(nn.Identity(), net.head)
    if augment is None:
        return head, stage, Examples(x, data.labels, data.name), x
    first = (x.values if isinstance(x, OnDisk) else x)[:, 0]
    return head, stage.but(augment=part(OneView)), Examples(first, data.labels, data.name), x


def features_of(
    backbone: nn.Module,
    x: Inputs,
    engine: Engine,
    batch: int,
    views: int = 0,
    augment: Augment | None = None,
    key: str = "",
    scratch: Path | None = None,
) -> Tensor | OnDisk:
    """The backbone's output for all inputs, float32: ``[N, ...]``, or with an augmentation ``[N, views, ...]``."""
    device, n = engine.on, len(x)
    backbone.eval().to(device)
    if engine.channels_last and isinstance(x, Tensor) and x.dim() == 4:
        backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    out: Tensor | None = None
    with torch.no_grad(), engine.autocast(), torch.random.fork_rng(devices=[]):
        for k in range(views if augment is not None else 1):
            torch.manual_seed(seed_of(key, "view", k, "global"))
            draw = generator(key, "view", k, device=device)
            for start in range(0, n, batch):
                rows = slice(max(0, min(start, n - batch)), min(start + batch, n))
                inputs = x[rows].to(device)
                if augment is not None:
                    inputs = augment(inputs, draw)
                found = backbone(inputs).float().cpu()
                if out is None:
                    out = empty((n, *(() if augment is None else (views,)), *found.shape[1:]), scratch)
                (out if augment is None else out[:, k])[rows] = found
                engine.check_time()
    assert out is not None
    return OnDisk(out, device) if too_large(out.shape) else out


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
