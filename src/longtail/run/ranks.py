"""Ranks: one training on several processes. ``torchrun`` and ``accelerate launch`` say in the environment who we are.

Every rank runs the same program on the same data and draws the same order; of each batch it takes its share, and the
gradients are averaged. The first rank alone reads and writes the cache, and tells the others.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def here() -> tuple[int, int]:
    """This process's rank and the number of ranks; ``(0, 1)`` where there is one process."""
    spread = dist.is_available() and dist.is_initialized()
    return (dist.get_rank(), dist.get_world_size()) if spread else (0, 1)


def launched() -> int:
    """The number of processes that a launcher says it started; 1 without one."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join(device: torch.device) -> torch.device:
    """Join the ranks that a launcher started, if it did; returns the device of this one."""
    if launched() > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    if device.type == "cuda" and device.index is None and here()[1] > 1:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    return device


def agreed(find: Callable[[], T]) -> T:
    """What ``find`` gives on the first rank, on all."""
    rank, ranks = here()
    if ranks == 1:
        return find()
    box = [find() if rank == 0 else None]
    dist.broadcast_object_list(box, src=0)
    return box[0]  # type: ignore[return-value]


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over the ranks."""
    _, ranks = here()
    if ranks > 1:
        dist.all_reduce(value)
        value /= ranks
    return value


def share(batch: Tensor) -> tuple[Tensor, float]:
    """This rank's part of a batch of indices, and the weight that makes the mean over ranks the mean over examples."""
    rank, ranks = here()
    mine = batch[rank::ranks]
    return mine, len(mine) * ranks / len(batch)
