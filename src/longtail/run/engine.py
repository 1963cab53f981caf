"""Engine: where and how fast a stage is trained. Nothing here changes what a recipe means."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from longtail.run.ranks import here, join


class OutOfTime(Exception):
    """The deadline passed; what was trained so far is in the cache and goes on from there next time."""


@dataclass(frozen=True)
class Engine:
    """Device and numerics.

    Attributes:
        device: "auto" takes a GPU where there is one.
        precision: "fp32"; "tf32" for matrix products in TensorFloat-32 (NVIDIA GPUs from 2020 on, whose convolutions use
            it in any case); or "bf16" for autocast (slower than fp32 on most CPUs).
        channels_last: memory format of images and convolutions.
        compile: run the step through ``torch.compile``.
        graphs: on an NVIDIA GPU, record a step and replay it (``run.gradient``); the same kernels, so part of no key.
        checkpoint_seconds: an unfinished stage is saved at the first epoch's end after this long.
        deadline: ``time.monotonic()`` of this process at which work stops with ``OutOfTime``; None is never.
    """

    device: str = "auto"
    precision: str = "fp32"
    channels_last: bool = True
    compile: bool = False
    graphs: bool = True
    checkpoint_seconds: float = 10.0
    deadline: float | None = None

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "tf32", "bf16"):
            raise ValueError(f"precision={self.precision!r} must be 'fp32', 'tf32' or 'bf16'")

    @property
    def on(self) -> torch.device:
        """The device, this rank's own where a launcher started several processes (see ``run.ranks``)."""
        name = ("cuda" if torch.cuda.is_available() else "cpu") if self.device == "auto" else self.device
        return join(torch.device(name))

    def numerics(self) -> dict[str, Any]:
        """What may change the last bits of a result: part of every cache key."""
        return {
            "torch": torch.__version__,
            "device": self.on.type,
            "precision": self.precision,
            "channels_last": self.channels_last,
            "compile": self.compile,
            **({"ranks": here()[1]} if here()[1] > 1 else {}),
        }

    def autocast(self) -> AbstractContextManager[Any]:
        if self.precision == "bf16":
            return torch.autocast(self.on.type, dtype=torch.bfloat16)
        return _tf32() if self.precision == "tf32" else nullcontext()

    def optimizer_facts(self) -> dict[str, Any]:
        """What an optimiser of ``torch.optim`` may be told: one fused kernel on a GPU."""
        return {"fused": True} if self.on.type == "cuda" else {}

    def wrap(self, step: nn.Module, unused: bool = False) -> nn.Module:
        """The step as it is run: compiled, and with averaged gradients where there are several ranks. ``unused``: it may
        leave parameters out of a forward pass.
        """
        run: nn.Module = torch.compile(step) if self.compile else step  # type: ignore[assignment]
        if here()[1] > 1:
            ids = [self.on.index] if self.on.type == "cuda" else None
            run = DistributedDataParallel(run, device_ids=ids, find_unused_parameters=unused)
        return run

    @property
    def late(self) -> bool:
        """Has the deadline passed?"""
        return self.deadline is not None and time.monotonic() > self.deadline

    def check_time(self) -> None:
        """Raise ``OutOfTime`` if the deadline has passed: for inner loops."""
        if self.late:
            raise OutOfTime


AGAIN = 1.0
"""Seconds after which a library that swallowed ``OutOfTime`` gets it again."""


@contextmanager
def stop_at(deadline: float | None) -> Iterator[None]:
    """Raise ``OutOfTime`` in this block when the deadline passes, inside a library's loop too (an estimator, an encoder).

    It is a timer signal, as Ctrl-C is a signal: it needs the main thread, and there is none on Windows. Elsewhere, and
    where somebody else's timer runs, ``Engine.check_time`` alone stops the work.

    Args:
        deadline: ``time.monotonic()``; None is never.

    Raises:
        OutOfTime: the deadline passed, now or before.

    >>> with stop_at(None):
    ...     print("as long as it takes")
    as long as it takes
    """
    if deadline is None:
        yield
        return
    left = deadline - time.monotonic()
    if left <= 0:
        raise OutOfTime
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer") or signal.getitimer(signal.ITIMER_REAL)[0] > 0:
        yield
        return
    before = signal.signal(signal.SIGALRM, _out_of_time)
    try:
        signal.setitimer(signal.ITIMER_REAL, left, AGAIN)
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # the signal may come just before the line above; the next one is a second away
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before or signal.SIG_DFL)


def _out_of_time(number: int, frame: Any) -> None:
    raise OutOfTime


@contextmanager
def _tf32() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
