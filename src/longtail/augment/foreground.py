"""New images from class activation maps: the foreground is turned, moved or mirrored, and pasted back.

Zhang et al., *Bag of tricks for long-tailed visual recognition with deep convolutional neural networks*, AAAI 2021,
section 4.3, with the maps of Zhou et al., *Learning deep features for discriminative localization*, CVPR 2016, eq. 1:
CAM = w_y . features.

| paper | here |
|---|---|
| CAM of the true class | ``activation_maps`` |
| foreground: CAM >= its mean | ``share`` of the mean (0.75 in the code) |
| rotate and scale, translate, flip, one of three alike | drawn for each image |

*Differs from the authors' code in* maps of the image as it is, where theirs are taken from another random crop than the
image they cut; the foreground's box is the whole box (theirs ends at the second row and column that holds foreground);
the moved foreground is cut with its map by nearest-pixel reading. ``longtail.samplers.Complement`` says which images to
make.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.augment.ops import as_float, as_given, turn


def activation_maps(features: Tensor, weight: Tensor, y: Tensor, size: tuple[int, int]) -> Tensor:
    """Class activation maps of the classes ``y``, scaled to 0..1 each, ``[B, H, W]``.

    Args:
        features: last feature maps ``[B, D, h, w]``; weight: the head's ``[C, D]``; y: ``[B]``; size: (H, W) of the
            images.

    >>> activation_maps(torch.rand(2, 4, 3, 3), torch.rand(5, 4), torch.tensor([0, 4]), (12, 12)).shape
    torch.Size([2, 12, 12])
    """
    cam = torch.einsum("bdhw,bd->bhw", features, weight[y])
    low, high = cam.amin((1, 2), keepdim=True), cam.amax((1, 2), keepdim=True)
    cam = (cam - low) / (high - low).clamp(min=1e-12)
    return F.interpolate(cam[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


def move_foreground(x: Tensor, maps: Tensor, generator: torch.Generator, share: float = 0.75) -> Tensor:
    """A new image from each: its foreground turned and scaled, moved or mirrored, over the image itself.

    Args:
        x: images ``[B, C, H, W]``, uint8 or float in 0..255; maps: ``[B, H, W]``, larger where the class is.
        share: the foreground is where the map reaches this share of its mean.

    Raises:
        ValueError: ``maps`` is not ``[B, H, W]`` of the images.

    >>> move_foreground(torch.ones(2, 3, 8, 8), torch.rand(2, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 8, 8])
    """
    if maps.shape != (len(x), *x.shape[2:]):
        raise ValueError(
            f"maps has shape {tuple(maps.shape)}: give one map an image, {(len(x), *x.shape[2:])}"
        )
    out, (b, _, h, w), on = as_float(x), x.shape, x.device
    inside = maps >= share * maps.mean((1, 2), keepdim=True)
    rows, columns = inside.any(2), inside.any(1)
    top, left = rows.int().argmax(1), columns.int().argmax(1)
    bottom, right = h - rows.flip(1).int().argmax(1), w - columns.flip(1).int().argmax(1)
    what = torch.randint(3, (b,), generator=generator, device=on)[:, None, None]
    u = torch.rand(4, b, generator=generator, device=on)
    angle, scale = (u[0] * 90).floor() - 45, 0.8 + (u[1] * 40).floor() / 100
    turned = turn(angle, (left + right) / 2, (top + bottom) / 2, scale)
    # Moves keep the box inside the image.
    dx = -left + (u[2] * (w - right + left + 1)).floor()
    dy = -top + (u[3] * (h - bottom + top + 1)).floor()
    still = torch.eye(2, 3, device=on).repeat(b, 1, 1)
    moved, mirrored = still.clone(), still.clone()
    moved[:, 0, 2], moved[:, 1, 2] = -dx, -dy
    mirrored[:, 0, 0], mirrored[:, 0, 2] = -1, w
    matrix = torch.where(what == 0, turned, torch.where(what == 1, moved, mirrored))
    column, row = torch.meshgrid(
        torch.arange(w, device=on) + 0.5, torch.arange(h, device=on) + 0.5, indexing="xy"
    )
    at = matrix[:, :, :1, None] * column + matrix[:, :, 1:2, None] * row + matrix[:, :, 2:, None]
    c, r = at[:, 0].floor().long(), at[:, 1].floor().long()
    within = (c >= 0) & (c < w) & (r >= 0) & (r < h)
    flat = (r.clamp(0, h - 1) * w + c.clamp(0, w - 1)).flatten(1)
    pasted = within & inside.flatten(1).gather(1, flat).view(b, h, w)
    source = out.flatten(2).gather(2, flat[:, None].expand(-1, out.shape[1], -1)).view_as(out)
    return as_given(torch.where(pasted[:, None], source, out), x)
