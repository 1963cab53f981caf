"""Remix: mixup whose label leans to the rarer class.

Chou et al., *Remix: rebalanced mixup*, ECCV workshops 2020, eq. 6-8. The images mix as in mixup; the label of
pair (i, j) has weight

    lam_y = 0    if n_i / n_j >= kappa    and lam < tau
            1    if n_i / n_j <= 1/kappa  and 1 - lam < tau
            lam  otherwise

| paper | here |
|---|---|
| kappa | ``kappa`` (3) |
| tau | ``tau`` (0.5) |
| lam ~ Beta(alpha, alpha) | ``alpha`` (1) |

*Differs from the authors' code in* nothing; the bag-of-tricks port multiplies lam_y by losses already
averaged over the batch, which mixes the weights of different pairs. Here lam_y is per pair, ``[B]``, and
belongs to losses per example.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.mixing.draws import beta, blend, check_alpha, check_counts, check_inputs


def remix_weight(lam: Tensor, n_i: Tensor, n_j: Tensor, kappa: float = 3.0, tau: float = 0.5) -> Tensor:
    """The weight of y_i, ``[B]``.

    Args:
        lam: the images' mixing weight, scalar or ``[B]``; n_i, n_j: training counts of the two classes,
            ``[B]``.

    >>> remix_weight(torch.tensor(0.25), torch.tensor([300, 5, 5]), torch.tensor([5, 300, 5])).tolist()
    [0.0, 0.25, 0.25]
    """
    ratio = n_i.double() / n_j.double()
    lam_y = lam.expand(ratio.shape)
    lam_y = torch.where((ratio >= kappa) & (lam < tau), torch.zeros_like(lam_y), lam_y)
    return torch.where((ratio <= 1 / kappa) & (1 - lam < tau), torch.ones_like(lam_y), lam_y)


class Remix:
    """``mix(x, y, generator) -> (x~, y_a, y_b, lam_y)`` with one label weight a pair, ``[B]``.

    Args:
        counts: training examples of each class, ``[C]`` (a fact).
        kappa: from this ratio of counts on the label may go to the rarer class.
        tau: and only if the commoner image's share is below tau.
        alpha: shape of Beta(alpha, alpha).
        per_sample: one mixing weight an image instead of one a batch.

    Raises:
        ValueError: ``alpha`` not above 0, ``kappa`` below 1, ``tau`` outside [0, 1], a negative count.

    >>> mix = Remix(torch.tensor([300, 5]))
    >>> mix(torch.eye(2), torch.tensor([0, 1]), torch.Generator().manual_seed(0))[3].shape
    torch.Size([2])
    """

    takes = frozenset({"image", "rows", "sparse"})

    def __init__(
        self,
        counts: Tensor,
        kappa: float = 3.0,
        tau: float = 0.5,
        alpha: float = 1.0,
        per_sample: bool = False,
    ) -> None:
        if kappa < 1:
            raise ValueError(f"kappa={kappa} must be at least 1: a ratio of class counts")
        if not 0 <= tau <= 1:
            raise ValueError(f"tau={tau} must lie in [0, 1]: a share of the image")
        self.counts = check_counts(counts)
        self.kappa, self.tau, self.alpha, self.per_sample = kappa, tau, check_alpha(alpha), per_sample

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = check_inputs(x, y)
        lam = beta(self.alpha, (len(x),) if self.per_sample else (), generator)
        partner = torch.randperm(len(x), generator=generator, device=generator.device)
        n = self.counts.to(y.device)[y]
        return blend(x, partner, lam), y, y[partner], remix_weight(lam, n, n[partner], self.kappa, self.tau)
