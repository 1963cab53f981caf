"""Image operations on a batch, each image with its own strength: what AutoAugment, RandAugment and colour
jitter are made of.

Each takes float images ``[B, C, H, W]`` in 0..255 and one value an image, ``[B]``, and gives images in
0..255. They follow Pillow's (``ImageOps``, ``ImageEnhance``) up to rounding; shears, shifts and rotations
interpolate bilinearly, and what comes from outside the image is grey (128), as in the published policies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Op = Callable[[Tensor, Tensor], Tensor]
FILL = 128.0


def at_each(x: Tensor, which: Tensor, ops: Sequence[Op], value: Tensor) -> Tensor:
    """Apply to image b the operation ``ops[which[b]]`` with ``value[b]``; none where ``which`` is -1.

    >>> x = torch.full((3, 3, 1, 1), 10.0)
    >>> at_each(x, torch.tensor([0, -1, 0]), [brightness], torch.tensor([2.0, 9.0, 3.0]))[:, 0, 0, 0].tolist()
    [20.0, 10.0, 30.0]
    """
    x = x.clone()
    for k, op in enumerate(ops):
        chosen = (which == k).nonzero().flatten()
        if len(chosen):
            x[chosen] = op(x[chosen], value[chosen])
    return x


def as_float(x: Tensor) -> Tensor:
    """Float images in the range they had.

    Raises:
        ValueError: not ``[B, C, H, W]``.
    """
    if x.dim() != 4:
        raise ValueError(f"x has shape {tuple(x.shape)}: image augmentation takes [B, C, H, W]")
    return x if x.is_floating_point() else x.float()


def as_given(x: Tensor, given: Tensor) -> Tensor:
    """``x`` in 0..255, rounded to bytes if that is what was given."""
    x = x.clamp(0, 255)
    return x.round().to(given.dtype) if not given.is_floating_point() else x


def luma(x: Tensor) -> Tensor:
    """Brightness as Pillow has it, ``[B, 1, H, W]``; the mean of the channels if they are not three."""
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    return (x * x.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)


def _blend(low: Tensor, x: Tensor, value: Tensor) -> Tensor:
    return torch.lerp(low.expand_as(x), x, value.to(x.dtype)[:, None, None, None]).clamp(0, 255)


def brightness(x: Tensor, value: Tensor) -> Tensor:
    """Times ``value``."""
    return _blend(torch.zeros_like(x), x, value)


def color(x: Tensor, value: Tensor) -> Tensor:
    """Between grey (0), the image (1), and beyond."""
    return _blend(luma(x), x, value)


def contrast(x: Tensor, value: Tensor) -> Tensor:
    """Between its mean brightness (0), the image (1), and beyond."""
    return _blend(luma(x).mean((1, 2, 3), keepdim=True).round(), x, value)


def sharpness(x: Tensor, value: Tensor) -> Tensor:
    """Between smoothed (0), the image (1), and beyond; the border stays."""
    if min(x.shape[2:]) < 3:
        return x
    kernel = x.new_tensor([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    smooth = x.clone()
    b, c, h, w = x.shape
    smooth[:, :, 1:-1, 1:-1] = F.conv2d(x.reshape(b * c, 1, h, w), kernel[None, None]).reshape(
        b, c, h - 2, w - 2
    )
    return _blend(smooth, x, value)


def invert(x: Tensor, value: Tensor) -> Tensor:
    """255 - x; the value is not used."""
    return 255 - x


def posterize(x: Tensor, value: Tensor) -> Tensor:
    """Keep the ``value`` highest bits."""
    step = (2.0 ** (8 - value.round().clamp(0, 8))).to(x.dtype)[:, None, None, None]
    return (x / step).floor() * step


def solarize(x: Tensor, value: Tensor) -> Tensor:
    """Invert what is at or above ``value``."""
    return torch.where(x < value.to(x.dtype)[:, None, None, None], x, 255 - x)


def solarize_add(x: Tensor, value: Tensor) -> Tensor:
    """Add ``value`` to what is below 128."""
    return torch.where(x < 128, (x + value.to(x.dtype)[:, None, None, None]).clamp(max=255), x)


def autocontrast(x: Tensor, value: Tensor) -> Tensor:
    """Stretch each channel to 0..255; the value is not used."""
    low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
    stretched = (x - low) * (255 / (high - low).clamp(min=1e-6))
    return torch.where(high > low, stretched, x).clamp(0, 255)


def equalize(x: Tensor, value: Tensor) -> Tensor:
    """Flatten each channel's histogram, as ``ImageOps.equalize``; the value is not used."""
    b, c, h, w = x.shape
    level = x.round().long().clamp(0, 255).reshape(b * c, h * w)
    histogram = torch.zeros(b * c, 256, dtype=torch.int64, device=x.device)
    histogram.scatter_add_(1, level, torch.ones_like(level))
    last = histogram.gather(1, level.amax(1, keepdim=True))
    step = (h * w - last) // 255
    before = histogram.cumsum(1) - histogram
    table = ((step // 2 + before) // step.clamp(min=1)).clamp(0, 255)
    out = torch.where(step > 0, table.gather(1, level), level)
    return out.reshape(b, c, h, w).to(x.dtype)


def affine(x: Tensor, matrix: Tensor, fill: float = FILL) -> Tensor:
    """Output pixel (column, row) is read at ``matrix @ (column, row, 1)``, in pixels, bilinearly.

    Args:
        matrix: ``[B, 2, 3]``; pixel centres lie at 0.5, 1.5, ...
    """
    _, _, h, w = x.shape
    column = torch.arange(w, device=x.device, dtype=x.dtype) + 0.5
    row = torch.arange(h, device=x.device, dtype=x.dtype) + 0.5
    m = matrix.to(x.dtype)[:, :, :, None, None]
    at = m[:, :, 0] * column + m[:, :, 1] * row[:, None] + m[:, :, 2]
    grid = torch.stack([at[:, 0] * (2 / w) - 1, at[:, 1] * (2 / h) - 1], dim=-1)
    return F.grid_sample(x - fill, grid, align_corners=False) + fill


def _matrix(value: Tensor, row: int, column: int, scale: float = 1.0) -> Tensor:
    m = torch.tensor([[1.0, 0, 0], [0, 1, 0]], device=value.device).repeat(len(value), 1, 1)
    m[:, row, column] = value.to(m.dtype) * scale
    return m


def shear_x(x: Tensor, value: Tensor) -> Tensor:
    """Shift each row by ``value`` pixels a row."""
    return affine(x, _matrix(value, 0, 1))


def shear_y(x: Tensor, value: Tensor) -> Tensor:
    """Shift each column by ``value`` pixels a column."""
    return affine(x, _matrix(value, 1, 0))


def translate_x(x: Tensor, value: Tensor) -> Tensor:
    """Shift to the left by ``value`` of the width."""
    return affine(x, _matrix(value, 0, 2, x.shape[3]))


def translate_y(x: Tensor, value: Tensor) -> Tensor:
    """Shift upwards by ``value`` of the height."""
    return affine(x, _matrix(value, 1, 2, x.shape[2]))


def turn(
    angle: Tensor, center_x: Tensor | float, center_y: Tensor | float, scale: Tensor | float = 1.0
) -> Tensor:
    """The matrix for :func:`affine` that turns counter-clockwise by ``angle`` degrees and enlarges by
    ``scale``, ``[B, 2, 3]``.
    """
    cos, sin = torch.cos(angle * (math.pi / 180)) / scale, torch.sin(angle * (math.pi / 180)) / scale
    dx = center_x - cos * center_x + sin * center_y
    dy = center_y - sin * center_x - cos * center_y
    return torch.stack([torch.stack([cos, -sin, dx], 1), torch.stack([sin, cos, dy], 1)], 1)


def rotate(x: Tensor, value: Tensor) -> Tensor:
    """Turn about the centre, counter-clockwise, by ``value`` degrees."""
    return affine(x, turn(value.to(x.dtype), x.shape[3] / 2, x.shape[2] / 2))


def hue(x: Tensor, value: Tensor) -> Tensor:
    """Turn the hue by ``value`` of the colour circle; images without three channels stay."""
    if x.shape[1] != 3:
        return x
    high, low = x.amax(1), x.amin(1)
    chroma = (high - low).clamp(min=1e-6)
    r, g, b = x.unbind(1)
    angle = torch.where(
        high == r, ((g - b) / chroma) % 6, torch.where(high == g, (b - r) / chroma + 2, (r - g) / chroma + 4)
    )
    angle = angle + 6 * value.to(x.dtype)[:, None, None]
    # Channel n of HSV -> RGB: v - v s max(0, min(k, 4 - k, 1)), k = (n + h) mod 6.
    k = (x.new_tensor([5.0, 3.0, 1.0])[:, None, None] + angle[:, None]) % 6
    return high[:, None] - (high - low)[:, None] * torch.minimum(k, 4 - k).clamp(0, 1)


def blur(x: Tensor, value: Tensor, reach: int = 6) -> Tensor:
    """Gaussian blur with standard deviation ``value`` pixels, cut at ``reach`` pixels; borders are
    reflected.
    """
    reach = min(reach, *(side - 1 for side in x.shape[2:]))
    offset = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    weight = torch.exp(-0.5 * (offset / value.to(x.dtype).clamp(min=1e-3)[:, None]) ** 2)
    weight = weight / weight.sum(1, keepdim=True)
    for axis, pads in ((3, (reach, reach, 0, 0)), (2, (0, 0, reach, reach))):
        padded = F.pad(x, pads, mode="reflect")
        size = x.shape[axis]
        x = sum(
            (weight[:, k, None, None, None] * padded.narrow(axis, k, size) for k in range(2 * reach + 1)),
            x.new_zeros(()),
        )
    return x
