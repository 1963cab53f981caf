"""What mixers draw: lam ~ Beta(alpha, alpha) and a partner for each example, from a generator of your own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail.inputs import SparseRows


def beta(alpha: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Draws from Beta(alpha, alpha), float32 of ``shape``, on the generator's device.

    A ratio of gamma draws taken through their logarithms, so that a small alpha gives 0 or 1 and never 0/0.
    ``torch.distributions.Beta`` draws from the global generator, and is not used for that reason.

    >>> beta(1.0, (2, 3), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3])
    """
    shapes = torch.full((2, *shape), alpha + 1.0, dtype=torch.float64, device=generator.device)
    gamma = torch._standard_gamma(shapes, generator=generator).log()
    boost = (
        torch.rand(shapes.shape, dtype=torch.float64, device=generator.device, generator=generator).log()
        / alpha
    )
    log = gamma + boost  # Gamma(a) = Gamma(a + 1) * U**(1/a)
    return torch.sigmoid(log[0] - log[1]).float()


def check_alpha(alpha: float) -> float:
    """``alpha`` itself.

    Raises:
        ValueError: it is not above 0.
    """
    if not alpha > 0:
        raise ValueError(
            f"alpha={alpha} must be above 0: the shape of Beta(alpha, alpha); leave mixing out instead of 0"
        )
    return alpha


def check_counts(counts: Tensor) -> Tensor:
    """``counts`` itself.

    Raises:
        ValueError: not ``[C]``, or a negative count.
    """
    if counts.dim() != 1 or bool((counts < 0).any()):
        raise ValueError(
            f"counts={counts.tolist()} must be the training examples of each class, [C], none negative"
        )
    return counts


def check_inputs(x: Any, y: Tensor) -> Any:
    """``x`` as floats (uint8 becomes float32, its range stays), or sparse rows as they are.

    Raises:
        TypeError: ``x`` is neither a tensor of numbers that can be mixed nor sparse rows.
        ValueError: ``x`` and ``y`` differ in length.
    """
    if not isinstance(x, Tensor | SparseRows):
        raise TypeError(
            f"x is {type(x).__name__}: only tensors and sparse rows mix; mix the features instead (ManifoldMixup)"
        )
    if len(x) != len(y):
        raise ValueError(f"x has {len(x)} rows and y has {len(y)}")
    if isinstance(x, SparseRows) or x.is_floating_point():
        return x
    if x.dtype != torch.uint8:
        raise TypeError(f"x is {x.dtype}: indices do not mix; mix the features instead (ManifoldMixup)")
    return x.float()


def blend(x: Any, partner: Tensor, lam: Tensor) -> Any:
    """``lam * x + (1 - lam) * x[partner]``; ``lam`` is a scalar or one a row.

    Of sparse rows, the result holds the entries of both: a column may occur twice in a row, and counts as the sum.

    >>> blend(torch.tensor([[0.0], [1.0]]), torch.tensor([1, 0]), torch.tensor(0.75))
    tensor([[0.2500],
            [0.7500]])
    """
    if isinstance(x, SparseRows):
        pairs = torch.stack([torch.arange(len(x), device=partner.device), partner], 1).flatten()
        both, weight = x[pairs], lam.to(x.values.dtype).expand(len(x))
        each = torch.stack([weight, 1 - weight], 1).flatten()
        values = both.values * torch.repeat_interleave(each, both.indptr.diff())
        return SparseRows(both.indptr[::2], both.indices, values, x.num_columns)
    lam = lam.to(x.dtype).reshape(-1, *[1] * (x.dim() - 1)) if lam.dim() else lam.to(x.dtype)
    return lam * x + (1 - lam) * x[partner]
