"""The augmentation of contrastive learning: resized crop, flip, colour jitter, grey, blur.

Chen et al., *A simple framework for contrastive learning of visual representations* (SimCLR), ICML 2020,
appendix A, with the settings that PaCo and NCL use on CIFAR.

| paper | here |
|---|---|
| crop area, aspect 3/4..4/3 | ``scale`` (0.2, 1; ProCo 0.08, 1) |
| jitter of brightness, contrast, saturation, hue | ``jitter`` (0.4, 0.4, 0.4, 0.1), with probability
``p_jitter`` | | grey | ``p_gray`` |
| blur, sigma 0.1..2 | ``p_blur`` (0.5; ProCo and BCL 0) |

*Differs from the authors' code in* a crop that does not fit being cut to the image instead of drawn again,
and in plain bilinear resizing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from longtail.augment import ops
from longtail.augment.crop_flip import crop_flip


def resized_crop(x: Tensor, scale: tuple[float, float], generator: torch.Generator) -> Tensor:
    """A box of random area (share of the image in ``scale``) and aspect of each image, resized to the
    image's size.
    """
    (b, _, h, w), on = x.shape, x.device
    u = torch.rand(4, b, generator=generator, device=on, dtype=x.dtype)
    area = (scale[0] + (scale[1] - scale[0]) * u[0]) * (h * w)
    aspect = torch.exp((2 * u[1] - 1) * math.log(4 / 3))
    width, height = (area * aspect).sqrt().clamp(max=w), (area / aspect).sqrt().clamp(max=h)
    zero = torch.zeros_like(width)
    column = torch.stack([width / w, zero, u[2] * (w - width)], 1)
    row = torch.stack([zero, height / h, u[3] * (h - height)], 1)
    return ops.affine(x, torch.stack([column, row], 1))


def jitter(
    x: Tensor, strength: tuple[float, float, float, float], p: float, generator: torch.Generator
) -> Tensor:
    """Brightness, contrast, saturation (factors 1 +- strength) and hue (+- strength), in an order drawn for
    each image.
    """
    b, on = len(x), x.device
    use = torch.rand(b, generator=generator, device=on) < p
    order = torch.rand(b, 4, generator=generator, device=on).argsort(1)
    u = torch.rand(4, b, generator=generator, device=on) * 2 - 1
    amount = (
        torch.tensor(strength, device=on)[:, None] * u
        + torch.tensor([1.0, 1.0, 1.0, 0.0], device=on)[:, None]
    )
    amount[:3].clamp_(min=0)
    for k in range(4):
        which = order[:, k]
        value = amount.gather(0, which[None])[0]
        x = ops.at_each(
            x, torch.where(use, which, -1), (ops.brightness, ops.contrast, ops.color, ops.hue), value
        )
    return x


class SimCLRView:
    """One random view of each image; range 0..255 in and out, uint8 stays uint8.

    Args:
        scale: smallest and largest share of the image in the crop; None leaves the crop out.
        jitter: strengths for brightness, contrast, saturation and hue (at most 0.5).
        p_jitter: probability of the jitter; p_gray: of grey; p_blur: of blur.
        flip: mirror half of the images.
        sigma: smallest and largest blur in pixels.

    Raises:
        ValueError: a probability or scale outside [0, 1], a hue above 0.5, ``sigma`` not increasing from
        above 0.

    >>> SimCLRView()(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3, 8, 8])
    """

    takes = frozenset({"image"})

    def __init__(
        self,
        scale: tuple[float, float] | None = (0.2, 1.0),
        jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.4, 0.1),
        p_jitter: float = 0.8,
        p_gray: float = 0.2,
        p_blur: float = 0.5,
        flip: bool = True,
        sigma: tuple[float, float] = (0.1, 2.0),
    ) -> None:
        if scale is not None and not 0 < scale[0] <= scale[1] <= 1:
            raise ValueError(f"scale={scale} must be two shares of the image, 0 < smallest <= largest <= 1")
        if min(jitter) < 0 or jitter[3] > 0.5:
            raise ValueError(f"jitter={jitter} must be at least 0, and the hue at most 0.5")
        for name, p in (("p_jitter", p_jitter), ("p_gray", p_gray), ("p_blur", p_blur)):
            if not 0 <= p <= 1:
                raise ValueError(f"{name}={p} must lie in [0, 1]: a probability")
        if not 0 < sigma[0] <= sigma[1]:
            raise ValueError(f"sigma={sigma} must be two blurs in pixels, 0 < smallest <= largest")
        self.scale, self.jitter, self.flip, self.sigma = scale, jitter, flip, sigma
        self.p_jitter, self.p_gray, self.p_blur = p_jitter, p_gray, p_blur

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        (b, on), out = (len(x), x.device), ops.as_float(x)
        out = out if self.scale is None else resized_crop(out, self.scale, generator)
        u = torch.rand(4, b, generator=generator, device=on)
        if self.flip:
            still = torch.zeros(b, dtype=torch.int64, device=on)
            out = crop_flip(out, still, still, u[0] < 0.5, pad=0)
        out = jitter(out, self.jitter, self.p_jitter, generator)
        out = ops.at_each(out, -1 + (u[1] < self.p_gray).long(), (ops.color,), torch.zeros(b, device=on))
        blurred = self.sigma[0] + (self.sigma[1] - self.sigma[0]) * u[3]
        out = ops.at_each(out, -1 + (u[2] < self.p_blur).long(), (ops.blur,), blurred)
        return ops.as_given(out, x)
