"""Engine: where and how fast a stage is trained. Nothing here changes what a recipe means."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch


class OutOfTime(Exception):
    """The deadline passed; what was trained so far is in the cache and goes on from there next time."""


@dataclass(frozen=True)
class Engine:
    """Device and numerics.

    Attributes:
        device: "auto" takes a GPU where there is one.
        precision: "fp32", or "bf16" for autocast (slower than fp32 on most CPUs).
        channels_last: memory format of images and convolutions.
        compile: run the step through ``torch.compile``.
        checkpoint_seconds: an unfinished stage is saved at the first epoch's end after this long.
        deadline: ``time.time()`` at which training stops with ``OutOfTime``; None is never.
    """

    device: str = "auto"
    precision: str = "fp32"
    channels_last: bool = True
    compile: bool = False
    checkpoint_seconds: float = 10.0
    deadline: float | None = None

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision={self.precision!r} must be 'fp32' or 'bf16'")

    @property
    def on(self) -> torch.device:
        if self.device == "auto":
            return torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return torch.device(self.device)

    def numerics(self) -> dict[str, Any]:
        """What may change the last bits of a result: part of every cache key."""
        return {
            "torch": torch.__version__,
            "device": self.on.type,
            "precision": self.precision,
            "channels_last": self.channels_last,
            "compile": self.compile,
        }

    def autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bf16":
            return torch.autocast(self.on.type, dtype=torch.bfloat16)
        return nullcontext()

    def check_time(self) -> None:
        if self.deadline is not None and time.time() > self.deadline:
            raise OutOfTime
