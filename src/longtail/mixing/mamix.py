"""MAMix: mixup whose half-and-half label sits where the class margins put the boundary.

Cheng, Nguyen and Lin, *Margin-aware mixup for imbalanced learning* (the imbalanced-DL library, 2022). With
share u of image j in x~ = (1 - u) x_i + u x_j and k_c = n_c**omega,

    mid = k_i / (k_i + k_j),   lam_y = 1 - u / (2 mid)              for u < mid
                                       (1 - u) / (2 (1 - mid))      else

| paper | here |
|---|---|
| omega | ``omega`` (-1/4, as LDAM's margins) |
| u ~ Beta(alpha, alpha) | ``alpha`` (1) |

*Differs from the authors' code in* u = mid, where theirs stops with an error: the two branches meet at 1/2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from longtail.mixing.draws import beta, blend, check_alpha, check_counts, check_inputs


def mamix_weight(share: Tensor, n_i: Tensor, n_j: Tensor, omega: float = -0.25) -> Tensor:
    """The weight of y_i, ``[B]``.

    Args:
        share: u, the weight of image j, scalar or ``[B]``.
        n_i: training counts of the first class, ``[B]``; n_j: of the second. Below 1 counts as 1.

    >>> mamix_weight(torch.tensor(0.5), torch.tensor([10, 10]), torch.tensor([10, 160])).tolist()
    [0.5, 0.625]
    """
    k_i, k_j = n_i.clamp(min=1).double() ** omega, n_j.clamp(min=1).double() ** omega
    mid = k_i / (k_i + k_j)
    u = share.double()
    lam_y = torch.where(u < mid, 1 - 0.5 * u / mid, 0.5 * (1 - u) / (1 - mid))
    return lam_y.to(share.dtype)


class MAMix:
    """``mix(x, y, generator) -> (x~, y_a, y_b, lam_y)`` with one label weight a pair, ``[B]``.

    Args:
        counts: training examples of each class, ``[C]`` (a fact).
        omega: power of the counts; 0 is mixup.
        alpha: shape of Beta(alpha, alpha).
        per_sample: one mixing weight an image instead of one a batch.

    Raises:
        ValueError: ``alpha`` not above 0, ``omega`` not finite, a negative count.

    >>> mix = MAMix(torch.tensor([300, 5]))
    >>> mix(torch.eye(2), torch.tensor([0, 1]), torch.Generator().manual_seed(0))[3].shape
    torch.Size([2])
    """

    takes = frozenset({"image", "rows", "sparse"})

    def __init__(
        self, counts: Tensor, omega: float = -0.25, alpha: float = 1.0, per_sample: bool = False
    ) -> None:
        if not math.isfinite(omega):
            raise ValueError(
                f"omega={omega} must be finite: the power of the class counts, -0.25 in the paper"
            )
        self.counts = check_counts(counts)
        self.omega, self.alpha, self.per_sample = omega, check_alpha(alpha), per_sample

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = check_inputs(x, y)
        share = beta(self.alpha, (len(x),) if self.per_sample else (), generator)
        partner = torch.randperm(len(x), generator=generator, device=generator.device)
        n = self.counts.to(y.device)[y]
        return blend(x, partner, 1 - share), y, y[partner], mamix_weight(share, n, n[partner], self.omega)
