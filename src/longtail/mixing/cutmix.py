"""CutMix: paste a box of one image into another; the label follows the area.

Yun et al., *CutMix: regularization strategy to train strong classifiers with localizable features*, ICCV
2019, eq. 1-2: lam ~ Beta(alpha, alpha), the box has sides W sqrt(1 - lam), H sqrt(1 - lam) and a uniform
centre, is clipped at the borders, and lam becomes the share of the image that is left.

| paper | here |
|---|---|
| alpha | ``alpha`` |

*Differs from the authors' code in* nothing by default (sides are truncated and halved in whole pixels, as
there); ``per_sample=True`` draws a box for each image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.mixing.draws import beta, check_alpha, check_inputs


def box(lam: Tensor, center_y: Tensor, center_x: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The pasted box and what is left: ``(inside [K, H, W] bool, lam [K])``.

    Args:
        lam: ``[K]`` in [0, 1]; center_y, center_x: row and column of the centre, ``[K]``.

    >>> inside, lam = box(torch.tensor([0.75]), torch.tensor([0]), torch.tensor([2]), 4, 4)
    >>> int(inside.sum()), lam.tolist()
    (2, [0.875])
    """

    def span(center: Tensor, side: int) -> Tensor:
        half = ((1 - lam).sqrt() * side).long() // 2
        low, high = (center - half).clamp(0, side), (center + half).clamp(0, side)
        at = torch.arange(side, device=lam.device)
        return (at >= low[:, None]) & (at < high[:, None])

    rows, columns = span(center_y, height), span(center_x, width)
    area = rows.sum(1) * columns.sum(1)
    return rows[:, :, None] & columns[:, None, :], 1 - area.to(lam.dtype) / (height * width)


class CutMix:
    """``mix(x, y, generator) -> (x~, y_a, y_b, lam)`` on images ``[B, C, H, W]``; ``lam`` is y_a's share of
    the area.

    Args:
        alpha: shape of Beta(alpha, alpha).
        per_sample: one box an image (lam ``[B]``) instead of one a batch (scalar).

    Raises:
        ValueError: ``alpha`` is not above 0; ``x`` is not a batch of images.

    >>> x, y = torch.zeros(4, 3, 8, 8), torch.tensor([0, 1, 2, 3])
    >>> mixed, y_a, y_b, lam = CutMix(per_sample=True)(x, y, torch.Generator().manual_seed(0))
    >>> mixed.shape, lam.shape
    (torch.Size([4, 3, 8, 8]), torch.Size([4]))
    """

    takes = frozenset({"image"})

    def __init__(self, alpha: float = 1.0, per_sample: bool = False) -> None:
        self.alpha, self.per_sample = check_alpha(alpha), per_sample

    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = check_inputs(x, y)
        if not isinstance(x, Tensor) or x.dim() != 4:
            raise ValueError(
                f"x has shape {tuple(x.shape)}: CutMix takes images [B, C, H, W]; use Mixup for features"
            )
        (b, _, h, w), on = x.shape, generator.device
        k = b if self.per_sample else 1
        lam = beta(self.alpha, (k,), generator)
        center_y = torch.randint(h, (k,), generator=generator, device=on)
        center_x = torch.randint(w, (k,), generator=generator, device=on)
        inside, lam = box(lam, center_y, center_x, h, w)
        partner = torch.randperm(b, generator=generator, device=on)
        mixed = torch.where(inside[:, None], x[partner], x)
        return mixed, y, y[partner], lam if self.per_sample else lam[0]
