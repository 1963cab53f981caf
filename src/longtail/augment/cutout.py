"""Cutout: black out a square of each image.

DeVries and Taylor, *Improved regularization of convolutional neural networks with cutout*, 2017, section 3:
the square's centre is uniform over the image, and the square is clipped at the borders.

| paper | here |
|---|---|
| patch size 16 (CIFAR-10), 8 (CIFAR-100) | ``size`` |

*Differs from the authors' code in* black (0 before normalisation, as the long-tail repositories do it)
instead of the mean colour: ``fill`` says which.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Cutout:
    """One square of ``size`` pixels an image set to ``fill``.

    Args:
        size: side in pixels.
        share: the side as a share of the image's height, instead of ``size``; 0.5 is 16 of 32 pixels.
        fill: value in 0..255.

    Raises:
        ValueError: ``size`` is below 1, ``share`` outside (0, 1], or ``fill`` outside 0..255.

    >>> x = torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)
    >>> bool((Cutout(size=4)(x, torch.Generator().manual_seed(0)) == 0).any())
    True
    """

    takes = frozenset({"image"})

    def __init__(self, size: int = 16, fill: float = 0.0, share: float | None = None) -> None:
        if size < 1:
            raise ValueError(f"size={size} must be at least 1: the side of the square in pixels")
        if not 0 <= fill <= 255:
            raise ValueError(f"fill={fill} must lie in 0..255: images are not normalised yet")
        if share is not None and not 0 < share <= 1:
            raise ValueError(f"share={share} must lie in (0, 1]: the side as a share of the image's height")
        self.size, self.fill, self.share = size, fill, share

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        b, _, h, w = x.shape
        size = self.size if self.share is None else max(1, round(self.share * h))

        def inside(side: int) -> Tensor:
            center = torch.randint(side, (b, 1), generator=generator, device=x.device)
            low = center - size // 2
            at = torch.arange(side, device=x.device)
            return (at >= low) & (at < low + size)

        rows, columns = inside(h), inside(w)
        return x.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], self.fill)
