"""What the laws of losses must know of a loss, and how they build and feed it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.part import Part

COUNTS = (50, 20, 9, 3, 1)
WEIGHT = (0.5, 1.0, 2.0, 3.0, 0.25)
PERMUTATION = (3, 0, 4, 1, 2)
Arguments = tuple[Tensor, ...]


def softmax_inputs(generator: torch.Generator, batch: int, classes: int) -> Arguments:
    """Float64 logits ``[B, C]`` and class indices ``[B]``."""
    logits = 2 * torch.randn(batch, classes, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (batch,), generator=generator)


def cross_entropy_reference(logits: Tensor, target: Tensor, *rest: Tensor) -> Tensor:
    """Per-target cross-entropy, what a neutral loss equals."""
    return F.cross_entropy(logits, target, reduction="none")


@dataclass(frozen=True)
class LossTraits:
    """What the laws must know of a loss that is not plain.

    Attributes:
        settings: constructor arguments used throughout (to switch randomness off, say).
        neutral: constructor arguments at which the loss is ``neutral_is``.
        neutral_is: ``(*inputs) -> [B]``, cross-entropy by default.
        inputs: ``(generator, B, C) -> (logits, target, ...)``; float tensors are differentiated.
        reference: ``(module, *inputs) -> [B]``, a slow independent implementation.
        soft: soft labels are accepted; where not, they must raise ValueError.
        per_target: ``reduction="none"`` gives one loss a target.
        coupled: a target's loss depends on the rest of the batch.
        exempt: name of a law -> why it cannot hold.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)
    neutral_is: Callable[..., Tensor] = cross_entropy_reference
    inputs: Callable[[torch.Generator, int, int], Arguments] = softmax_inputs
    reference: Callable[..., Tensor] | None = None
    soft: bool = True
    per_target: bool = True
    coupled: bool = False
    exempt: Mapping[str, str] = field(default_factory=dict)


def build(
    loss: Part[nn.Module], traits: LossTraits, counts: tuple[int, ...] = COUNTS, **changes: Any
) -> nn.Module:
    """The loss with the traits' settings and some changes, built from facts that fit ``counts``."""
    n = torch.tensor(counts)
    settings = {**traits.settings, **changes}
    return loss.but(**settings).build(counts=n, prior=n.double() / n.sum(), num_classes=len(counts))


def draw(traits: LossTraits, batch: int = 7, classes: int = len(COUNTS), seed: int = 0) -> Arguments:
    """Inputs of the loss; every class occurs where the batch allows."""
    inputs = traits.inputs(torch.Generator().manual_seed(seed), batch, classes)
    return inputs


def of_rows(inputs: Arguments, rows: slice | Tensor) -> Arguments:
    """Some of the targets' rows; what is not a row for each target (class centres, say) stays."""
    return tuple(t[rows] if len(t) == len(inputs[1]) else t for t in inputs)


def takes(loss: Part[nn.Module], argument: str) -> bool:
    """Has the loss's constructor this argument?"""
    return argument in inspect.signature(loss.target).parameters


def close(got: Tensor, want: Tensor, what: str, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    assert got.shape == want.shape, f"{what}: shapes {tuple(got.shape)} and {tuple(want.shape)}"
    assert torch.allclose(got, want.to(got.dtype), rtol=rtol, atol=atol, equal_nan=False), (
        f"{what}: {got} != {want}"
    )


def value_and_gradients(module: nn.Module, inputs: Arguments) -> tuple[Tensor, list[Tensor]]:
    leaves = [t.detach().clone().requires_grad_(t.is_floating_point()) for t in inputs]
    loss = module(*leaves)
    wanted = [t for k, t in enumerate(leaves) if t.requires_grad and k != 1]
    return loss, list(torch.autograd.grad(loss.sum(), wanted))
