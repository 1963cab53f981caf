"""One read, one write: values of rows with a gradient written by hand, for eager mode.

A loss gives two functions of the logits and of constants: ``maths``, its definition, and ``kernel``, which returns
the same values *and* their slope ``d value / d logit`` in one buffer the size of the logits. Backward multiplies
that buffer in place and hands it out as the gradient, so a step allocates one such buffer; autograd would keep
several, and fresh memory is what eager CPU time mostly goes to. For the same reason a kernel is called on blocks of
rows that stay in the processor's cache. The compiler, and ``torch.func``, get ``maths``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

Maths = Callable[..., Tensor]
Kernel = Callable[..., tuple[Tensor, Tensor]]
BLOCK = 2**17  # logits; half a megabyte of float32, a few buffers of which fit a core's cache


def fused(maths: Maths, kernel: Kernel, logits: Tensor, *constants: Any, by_row: bool = True) -> Tensor:
    """``maths(logits, *constants)``, by ``kernel`` in eager mode; differentiable in the logits only, twice too.

    The value is ``[B, 1, ...]`` for logits ``[B, C, ...]``, and a row's value depends on that row alone; tensors among
    the constants have as many dimensions as the logits, and B or 1 rows. Where ``by_row`` is False the value is one
    number of the whole batch.
    """
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return maths(logits, *constants)
    whole = partial(in_blocks, kernel) if by_row else kernel
    value: Tensor = _Fused.apply(logits, maths, whole, constants)
    return value


def blocks(logits: Tensor) -> list[slice]:
    """Row ranges that fit the cache; on an accelerator, and for the compiler, all rows at once."""
    rows = len(logits)
    if torch.compiler.is_compiling() or logits.device.type != "cpu" or logits.numel() <= BLOCK or rows == 1:
        return [slice(0, rows)]
    step = max(1, BLOCK * rows // logits.numel())
    return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]


def in_blocks(kernel: Kernel, logits: Tensor, *constants: Any) -> tuple[Tensor, Tensor]:
    """``kernel(logits, *constants)``, block by block."""
    ranges = blocks(logits)
    if len(ranges) == 1:
        return kernel(logits, *constants)
    by_row = [isinstance(c, Tensor) and len(c) == len(logits) for c in constants]
    slope, values = torch.empty_like(logits), []
    for rows in ranges:
        own = (c[rows] if split else c for c, split in zip(constants, by_row))
        value, slope[rows] = kernel(logits[rows], *own)
        values.append(value)
    return torch.cat(values), slope


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, maths: Maths, kernel: Kernel, constants: tuple[Any, ...]) -> Tensor:
        value, slope = kernel(logits, *constants)
        ctx.save_for_backward(logits)
        ctx.maths, ctx.kernel, ctx.constants, ctx.slope = maths, kernel, constants, slope
        return value

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        (logits,) = ctx.saved_tensors
        if torch.is_grad_enabled():  # this gradient is to be differentiated again
            value = ctx.maths(logits, *ctx.constants)
            return *torch.autograd.grad(value, logits, grad, create_graph=True), None, None, None
        slope, ctx.slope = ctx.slope, None  # ours to change, once
        if slope is None:  # the graph was kept, and this is not its first backward
            slope = ctx.kernel(logits, *ctx.constants)[1]
        return slope.mul_(grad), None, None, None
