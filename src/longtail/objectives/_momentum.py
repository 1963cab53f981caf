"""What the objectives with a momentum encoder share: the slow copy that makes keys, and the queue that keeps them."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from longtail.objectives._views import unit


class KeyEncoder(nn.Module):
    """A slow copy of backbone and projection; no gradient reaches it, and no optimiser holds it.

    Args:
        backbone, project: what is copied.
        momentum: share of the copy that stays at each step, in [0, 1).
    """

    def __init__(self, backbone: nn.Module, project: nn.Module, momentum: float) -> None:
        super().__init__()
        if not 0 <= momentum < 1:
            raise ValueError(
                f"momentum={momentum} must lie in [0, 1): the share of the key encoder that stays"
            )
        self.backbone = copy.deepcopy(backbone).requires_grad_(False)
        self.project = copy.deepcopy(project).requires_grad_(False)
        self.momentum = momentum

    @torch.no_grad()
    def follow(self, backbone: nn.Module, project: nn.Module) -> None:
        """One step towards the encoder that learns."""
        for slow, fast in ((self.backbone, backbone), (self.project, project)):
            for mine, other in zip(slow.parameters(), fast.parameters()):
                mine.lerp_(other.detach(), 1 - self.momentum)

    @torch.no_grad()
    def forward(self, x: Any) -> Tensor:
        """Keys ``[B, dim]`` of norm 1."""
        return unit(self.project(self.backbone(x)))


class Queue(nn.Module):
    """The last ``size`` keys and their labels, in buffers: they are saved and resumed with the training.

    It starts with random directions of label -1. On several ranks it holds the first rank's keys, since
    DistributedDataParallel gives all ranks the first one's buffers.

    Args:
        size: number of keys.
        dim: of a key.
    """

    keys: Tensor
    labels: Tensor
    at: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"queue={size} must be at least 1: the number of keys that are kept")
        self.register_buffer("keys", unit(torch.randn(size, dim)))
        self.register_buffer("labels", torch.full((size,), -1))
        self.register_buffer("at", torch.zeros((), dtype=torch.int64))

    def read(self) -> tuple[Tensor, Tensor]:
        """Keys ``[size, dim]`` and labels ``[size]`` as they are now; later pushes do not change them."""
        return self.keys.clone(), self.labels.clone()

    @torch.no_grad()
    def push(self, keys: Tensor, labels: Tensor | None = None) -> None:
        """The oldest keys give way to these ``[B, dim]``; of more than ``size`` the last remain."""
        size = len(self.keys)
        keys = keys[-size:]
        place = (self.at + torch.arange(len(keys), device=keys.device)) % size
        self.keys[place] = keys.to(self.keys.dtype)
        if labels is not None:
            self.labels[place] = labels[-size:]
        self.at.copy_((self.at + len(keys)) % size)
