"""Engine: where and how fast a stage is trained. Nothing here changes what a recipe means."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from longtail.clock import Clock, monotonic
from longtail.run.ranks import here, join


class OutOfTime(Exception):
    """The deadline passed; what was trained so far is in the cache and goes on from there next time."""


@dataclass(frozen=True)
class Engine:
    """Device and numerics.

    Attributes:
        device: "auto" takes a GPU where there is one; "cpu", "cuda", or one of several GPUs: "cuda:1".
        precision: "fp32"; "tf32" for matrix products in TensorFloat-32 (NVIDIA GPUs from 2020 on, whose convolutions use
            it in any case); or "bf16" for autocast (slower than fp32 on most CPUs).
        channels_last: memory format of images and convolutions.
        compile: run the step through ``torch.compile``.
        graphs: on an NVIDIA GPU, record a step and replay it (``run.gradient``); the same kernels, so part of no key.
        checkpoint_seconds: an unfinished stage is saved at the first epoch's end after this long.
        deadline: the moment of ``clock`` at which work stops with ``OutOfTime``; None is never.
        clock: seconds since some moment, of this process; nothing else that trains or compares looks at the time.

    Raises:
        ValueError: a device that is not there, or a precision that it cannot do.

    >>> Engine(device="cpu", precision="fp8")
    Traceback (most recent call last):
    ValueError: precision='fp8' must be 'fp32', 'tf32' or 'bf16'
    """

    device: str = "auto"
    precision: str = "fp32"
    channels_last: bool = True
    compile: bool = False
    graphs: bool = True
    checkpoint_seconds: float = 10.0
    deadline: float | None = None
    clock: Clock = monotonic

    def __post_init__(self) -> None:
        if self.precision not in ("fp32", "tf32", "bf16"):
            raise ValueError(f"precision={self.precision!r} must be 'fp32', 'tf32' or 'bf16'")
        device = device_of(self.device)
        if self.precision != "fp32":
            check_precision(self.precision, device)

    @property
    def on(self) -> torch.device:
        """The device, this rank's own where a launcher started several processes (see ``run.ranks``)."""
        return join(device_of(self.device))

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
        return self.deadline is not None and self.clock() > self.deadline

    def check_time(self) -> None:
        """Raise ``OutOfTime`` if the deadline has passed: for inner loops."""
        if self.late:
            raise OutOfTime


def engine_of(
    engine: Engine | None = None, device: str | None = None, precision: str | None = None, **more: Any
) -> Engine:
    """The engine of a verb: the one given, or one on ``device`` in ``precision``; None takes the engine's own.

    Args:
        more: further fields of :class:`Engine`.

    Raises:
        ValueError: an engine and a device or precision beside it; a device that is not there; a precision that it cannot
            do.

    >>> engine_of(device="cpu", precision="bf16").precision
    'bf16'
    """
    said = {k: v for k, v in {"device": device, "precision": precision, **more}.items() if v is not None}
    if engine is None:
        return Engine(**said)
    if said:
        name, value = next(iter(said.items()))
        raise ValueError(f"{name}={value!r} beside engine=: an engine says both; leave one of them out")
    return engine


def device_of(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ValueError: torch knows no such device, or this machine has none.

    >>> device_of("cpu")
    device(type='cpu')
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    remedy = "take device='cpu', or leave it out: a GPU is then taken where there is one"
    try:
        device = torch.device(name)
        room: Any = torch.get_device_module(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device={name!r} must be 'auto', 'cpu', 'cuda', or one GPU by its number such as 'cuda:0'"
        ) from None
    if not room.is_available():
        raise ValueError(f"device={name!r}: torch {torch.__version__} finds none on this machine; {remedy}")
    if (device.index or 0) >= (count := room.device_count()):
        raise ValueError(f"device={name!r}: this machine has {count}, numbered from 0; {remedy}")
    return device


def check_precision(precision: str, device: torch.device) -> None:
    """Raises ValueError for a precision other than fp32 that a device cannot do."""
    if device.type == "cuda":
        able, here = torch.cuda.get_device_capability(device)[0] >= 8, torch.cuda.get_device_name(device)
    else:
        able, here = (
            precision == "bf16",
            "a CPU" if device.type == "cpu" else f"a device of type {device.type}",
        )
    if not able:
        raise ValueError(
            f"precision={precision!r} needs an NVIDIA GPU from 2020 on, and this is {here}: take precision='fp32', or "
            "leave it out"
        )


AGAIN = 1.0
"""Seconds after which a library that swallowed ``OutOfTime`` gets it again."""


@contextmanager
def stop_at(deadline: float | None, clock: Clock = monotonic) -> Iterator[None]:
    """Raise ``OutOfTime`` in this block when the deadline passes, inside a library's loop too (an estimator, an encoder).

    It is a timer signal, as Ctrl-C is a signal: it needs the main thread, and there is none on Windows. Elsewhere, and
    where somebody else's timer runs, ``Engine.check_time`` alone stops the work.

    Args:
        deadline: a moment of ``clock``; None is never.

    Raises:
        OutOfTime: the deadline passed, now or before.

    >>> with stop_at(None):
    ...     print("as long as it takes")
    as long as it takes
    """
    if deadline is None:
        yield
        return
    left = deadline - clock()
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
