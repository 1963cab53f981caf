"""Laws of how a loss runs: it waits for no device, loops over nothing, travels and compiles."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from longtail.part import Part
from longtail.testing.loss_traits import (
    LossTraits,
    build,
    close,
    draw,
    value_and_gradients,
)


def law_no_waiting(loss: Part[nn.Module], traits: LossTraits) -> None:
    """No value is read from the device on the way, and the number of operations grows with nothing."""
    seen = []
    for batch, classes in ((4, 5), (9, 5), (4, 11)):
        counts = tuple(range(1, classes + 1))
        module, inputs = build(loss, traits, counts=counts), draw(traits, batch=batch, classes=classes)
        with _Watch() as watch:
            value_and_gradients(module, inputs)
        assert not watch.waits, f"waits for the device in {sorted(watch.waits)}"
        seen.append(watch.operations)
    assert len(set(seen)) == 1, (
        f"{seen} operations for (B, C) = (4, 5), (9, 5), (4, 11): a Python loop over them"
    )


def law_travels(loss: Part[nn.Module], traits: LossTraits) -> None:
    """Pickle, deepcopy and state_dict keep the loss, its state included."""
    module, inputs = build(loss, traits), draw(traits)
    module(*inputs)
    fresh = build(loss, traits)
    fresh.load_state_dict(module.state_dict())
    copies = [pickle.loads(pickle.dumps(module)), copy.deepcopy(module), fresh]
    want = module(*inputs)
    for other in copies:
        close(other(*inputs), want, "a copy", rtol=0, atol=0)


def law_compiles(loss: Part[nn.Module], traits: LossTraits, backend: str = "aot_eager") -> None:
    """``torch.compile(fullgraph=True)`` gives the same value and gradient."""
    inputs = draw(traits)
    torch._dynamo.reset()
    compiled = torch.compile(build(loss, traits), fullgraph=True, backend=backend)
    value, gradients = value_and_gradients(compiled, inputs)  # type: ignore[arg-type]
    want, expected = value_and_gradients(build(loss, traits), inputs)
    close(value, want, "compiled and eager")
    for g, e in zip(gradients, expected):
        close(g, e, "compiled and eager gradient")


class _Watch(TorchDispatchMode):
    """Counts the operations, and notes those that wait for the device."""

    WAITING = (
        "_local_scalar_dense",
        "nonzero",
        "masked_select",
        "unique",
        "bincount",
        "equal.",
        "is_nonzero",
    )

    def __init__(self) -> None:
        super().__init__()
        self.operations, self.waits = 0, set[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        name = str(func).removeprefix("aten.")
        if name.startswith(self.WAITING) or _is_boolean_indexing(name, args):
            self.waits.add(name)
        return func(*args, **(kwargs or {}))


def _is_boolean_indexing(name: str, args: Any) -> bool:
    indices = args[1] if name.startswith("index.") and len(args) > 1 else ()
    return any(isinstance(t, Tensor) and t.dtype == torch.bool for t in indices or () if t is not None)
