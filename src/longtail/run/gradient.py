"""Gradient: one forward and backward pass of a stage; on an NVIDIA GPU recorded once and replayed (CUDA graphs).

A small net's step is some five hundred kernels, each shorter than the time Python takes to ask for it. Replaying a record
of them leaves the GPU alone with its work. Recorded is only what is the same at every step: nothing that reads progress,
draws on the host, waits for the device, or puts a new tensor in a buffer's place; all else runs as it did.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from longtail.roles import traits
from longtail.run.engine import Engine

Streams = list[tuple[Any, Tensor]]
WARM = 3  # steps that run as written before one is recorded: libraries choose their kernels in the first


def gradient(
    run: nn.Module, streams: Streams, t: float, generator: torch.Generator, weight: float, engine: Engine
) -> dict[str, Tensor]:
    """One forward and backward pass; ``weight`` is this rank's (see ``ranks.share``).

    The terms come back detached: a step that is kept alive beside the next takes its memory, and cannot be recorded.
    """
    with engine.autocast():
        terms: dict[str, Tensor] = run(streams, t, generator)
    total = sum(terms.values())
    (total if weight == 1 else total * weight).backward()  # type: ignore[union-attr]
    return {name: value.detach() for name, value in terms.items()}


class Gradients:
    """``gradients(streams, t, weight) -> terms``, and the gradients in the parameters, as ``gradient`` leaves them.

    Args:
        run: what makes the terms: the step as ``engine.wrap`` gives it.
        step: the same step unwrapped, whose parameters and buffers are looked at.
        generator: what the stage draws from on the device.
        engine: device and numerics.
        record: may a step be recorded?
    """

    def __init__(
        self, run: nn.Module, step: nn.Module, generator: torch.Generator, engine: Engine, record: bool = True
    ) -> None:
        self.run, self.step, self.generator, self.engine = run, step, generator, engine
        known = dict(step.named_children()).get("objective")
        same = known is not None and traits(known).ignores_progress
        self.allowed = record and same and engine.graphs and engine.on.type == "cuda"
        self.forget()

    def forget(self) -> None:
        """Start again: the loss or the mixer is another one."""
        self.record, self.warmed = self.allowed, 0
        self.graph: Any = None
        self.inputs: list[Tensor] = []
        self.terms: dict[str, Tensor] = {}
        self.grads: list[tuple[nn.Parameter, Tensor]] = []

    def __call__(self, streams: Streams, t: float, weight: float = 1.0) -> dict[str, Tensor]:
        if not self.record or weight != 1 or not self._fits(streams):
            return gradient(self.run, streams, t, self.generator, weight, self.engine)
        if self.warmed < WARM:
            self.warmed += 1
            return self._watched(streams, t)
        if self.graph is None:
            self._record(streams, t)
        for kept, new in zip(self.inputs, tensors(streams)):
            kept.copy_(new)
        for p, grad in self.grads:
            p.grad = grad
        self.graph.replay()
        return self.terms

    def _fits(self, streams: Streams) -> bool:
        """Are these batches of the shapes that are recorded? The first batch sets them; a short last one does not fit."""
        try:
            found = list(tensors(streams))
        except TypeError:  # sparse rows, token rows
            return False
        if not self.inputs:
            self.inputs = [x.clone() for x in found]
        return [(x.shape, x.dtype) for x in found] == [(x.shape, x.dtype) for x in self.inputs]

    def _watched(self, streams: Streams, t: float) -> dict[str, Tensor]:
        """A step as written, which ends the recording if it did what a record cannot."""
        before, drawn = self._state(), torch.get_rng_state()
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                terms = gradient(self.run, streams, t, self.generator, 1.0, self.engine)
            finally:
                torch.cuda.set_sync_debug_mode("default")
        waits = ["synchronizing" in str(w.message) for w in said]
        for w in (w for w, wait in zip(said, waits) if not wait):
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
        drew = not torch.equal(drawn, torch.get_rng_state())
        if self.warmed > 1 and (any(waits) or drew or self._state() != before):
            self.record = False  # the first step may wait for libraries, and make what later ones keep
        return terms

    def _state(self) -> list[Any]:
        """What a step must leave in its place: tensors by address, plain attributes by value."""
        found: list[Any] = [x.data_ptr() for of in (self.step.parameters(), self.step.buffers()) for x in of]
        for module in self.step.modules():
            found += [v for v in vars(module).values() if isinstance(v, bool | int | float | str)]
        return found

    def _record(self, streams: Streams, t: float) -> None:
        params = list(self.step.parameters())
        for p in params:
            p.grad = None  # so that the record writes gradients and does not add to them
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        try:
            with torch.cuda.graph(graph):
                kept = like(streams, iter(self.inputs))
                self.terms = gradient(self.run, kept, t, self.generator, 1.0, self.engine)
        except RuntimeError as why:  # generators that were being recorded are of no use any more: no way back
            raise RuntimeError(
                f"this stage's step could not be recorded as a CUDA graph: {why}\nTrain with Engine(graphs=False) "
                "(--no-graphs on the command line)"
            ) from why
        self.graph = graph
        self.grads = [(p, p.grad) for p in params if p.grad is not None]


def tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in nested lists and tuples, in order.

    Raises:
        TypeError: there is something else.
    """
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for v in value:
            yield from tensors(v)
    else:
        raise TypeError(f"{type(value).__name__} is no tensor")


def like(value: Any, new: Iterator[Tensor]) -> Any:
    """The same nesting with other tensors."""
    if isinstance(value, Tensor):
        return next(new)
    return type(value)(like(v, new) for v in value)


__all__ = ["Gradients", "gradient", "like", "tensors"]
