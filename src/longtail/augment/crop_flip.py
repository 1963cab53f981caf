"""Random crop after padding, and horizontal flip: the standard CIFAR augmentation.

He et al., *Deep residual learning for image recognition*, CVPR 2016, section 4.2.

| paper | here |
|---|---|
| pad 4, crop 32 x 32 | ``pad`` (the crop keeps the size) |
| flip with probability 1/2 | ``flip`` |

*Differs from the authors' code in* working on the whole batch at once; padding is black (0), as there.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def crop_flip(x: Tensor, top: Tensor, left: Tensor, flip: Tensor, pad: int) -> Tensor:
    """Shift each image by its own offset and mirror it where asked.

    Args:
        x: images ``[B, C, H, W]``.
        top: row of the crop in the padded image, int64 ``[B]`` in 0..2*pad; ``pad`` leaves the image where it
            is.
        left: the column, likewise.
        flip: bool ``[B]``.
    """
    b, c, h, w = x.shape
    rows = top[:, None] + torch.arange(h, device=x.device)
    along = torch.arange(w, device=x.device)
    columns = left[:, None] + torch.where(flip[:, None], w - 1 - along, along)
    # One gather over flat pixels: four times faster than indexing rows and columns.
    flat = (rows[:, :, None] * (w + 2 * pad) + columns[:, None, :]).reshape(b, 1, h * w).expand(b, c, h * w)
    return F.pad(x, (pad,) * 4).reshape(b, c, -1).gather(2, flat).reshape(b, c, h, w)


class CropFlip:
    """Crop with ``pad`` black pixels around, then mirror half of the images; uint8 stays uint8.

    Args:
        pad: largest shift in pixels.
        flip: mirror with probability 1/2; leave it off where left and right differ (digits).

    Raises:
        ValueError: ``pad`` is negative.

    >>> CropFlip(pad=2)(torch.zeros(5, 3, 8, 8, dtype=torch.uint8), torch.Generator().manual_seed(0)).shape
    torch.Size([5, 3, 8, 8])
    """

    takes = frozenset({"image"})

    def __init__(self, pad: int = 4, flip: bool = True) -> None:
        if pad < 0:
            raise ValueError(f"pad={pad} must be at least 0: it is the largest shift in pixels")
        self.pad, self.flip = pad, flip

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        b, on = len(x), x.device
        top, left = torch.randint(2 * self.pad + 1, (2, b), generator=generator, device=on)
        flip = (
            torch.rand(b, generator=generator, device=on) < 0.5
            if self.flip
            else torch.zeros(b, device=on).bool()
        )
        return crop_flip(x, top, left, flip, self.pad)
