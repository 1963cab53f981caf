"""Mixup: train on convex combinations of two examples.

Zhang et al., *mixup: beyond empirical risk minimization*, ICLR 2018, eq. 1; as used by MiSLAS (Zhong et al.,
CVPR 2021) and the bag of tricks (Zhang et al., AAAI 2021).

    x~ = lam x_i + (1 - lam) x_j,   loss = lam L(z, y_i) + (1 - lam) L(z, y_j),   lam ~ Beta(alpha, alpha)

| paper | here |
|---|---|
| alpha | ``alpha`` (1 on CIFAR, 0.2 on large sets) |

*Differs from the authors' code in* nothing by default; ``per_sample=True`` draws a lam for each example.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.mixing.draws import beta, blend, check_alpha, check_inputs


class Mixup:
    """``mix(x, y, generator) -> (x~, y_a, y_b, lam)``: y_a = y has weight lam, y_b is the partner's label.

    Args:
        alpha: shape of Beta(alpha, alpha); small keeps the examples, 1 is uniform.
        per_sample: one lam an example (``[B]``) instead of one a batch (scalar).

    ``x`` is uint8 or float of any shape ``[B, ...]``; the result is float, in the same range. A batch of one
    is its own partner, and stays.

    Raises:
        ValueError: ``alpha`` is not above 0.

    >>> x, y = torch.eye(3), torch.tensor([0, 1, 2])
    >>> mixed, y_a, y_b, lam = Mixup()(x, y, torch.Generator().manual_seed(0))
    >>> bool((mixed == lam * x[y_a] + (1 - lam) * x[y_b]).all())
    True
    """

    takes = frozenset({"image", "rows", "sparse"})

    def __init__(self, alpha: float = 1.0, per_sample: bool = False) -> None:
        self.alpha, self.per_sample = check_alpha(alpha), per_sample

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = check_inputs(x, y)
        lam = beta(self.alpha, (len(x),) if self.per_sample else (), generator)
        partner = torch.randperm(len(x), generator=generator, device=generator.device)
        return blend(x, partner, lam), y, y[partner], lam
