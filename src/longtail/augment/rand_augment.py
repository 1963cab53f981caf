"""RandAugment: a few operations, drawn at random, all at one magnitude.

Cubuk et al., *RandAugment: practical automated data augmentation*, NeurIPS 2020, in the variant
"rand-n2-m10-mstd0.5" that the contrastive long-tail methods (PaCo, BCL, ProCo) train with.

| paper | here |
|---|---|
| N operations | ``n`` |
| M, the magnitude, of 10 | ``magnitude`` |
| | ``std``: each image's magnitude is N(M, std**2), cut to 0..10 |
| | ``p``: each operation drawn is applied with this probability |

*Differs from the paper in* the set (15 operations, with SolarizeAdd and without identity), the probability
and the spread, as in that variant; enhancers are 0.1 + 0.18 m, so always strong at m = 10, as there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.augment import ops

NAMES = (
    "rotate", "shear_x", "shear_y", "translate_x", "translate_y",
    "color", "contrast", "brightness", "sharpness",
    "posterize", "solarize", "solarize_add", "autocontrast", "equalize", "invert",
)  # fmt: skip
OPS = tuple(getattr(ops, name) for name in NAMES)


def value(op: Tensor, magnitude: Tensor, sign: Tensor) -> Tensor:
    """The operation's value: op ``[B]`` indexes ``NAMES``, magnitude 0..10, sign +-1; float ``[B]``."""
    m = magnitude / 10
    table = [
        30 * m * sign, 0.3 * m * sign, 0.3 * m * sign, 0.45 * m * sign, 0.45 * m * sign,
        *[0.1 + 1.8 * m] * 4, (4 * m).floor(), (256 * m).floor(), (110 * m).floor(), m, m, m,
    ]  # fmt: skip
    return torch.stack(table).gather(0, op[None])[0]


class RandAugment:
    """``n`` of 15 operations for each image; range 0..255 in and out, uint8 stays uint8.

    Args:
        n: operations drawn for an image, with replacement.
        magnitude: 0..10.
        std: spread of the magnitude over images.
        p: probability that a drawn operation is applied.

    Raises:
        ValueError: ``n`` below 1, ``magnitude`` outside 0..10, ``std`` negative, ``p`` outside [0, 1].

    >>> RandAugment()(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 3, 8, 8])
    """

    takes = frozenset({"image"})

    def __init__(self, n: int = 2, magnitude: float = 10.0, std: float = 0.5, p: float = 0.5) -> None:
        if n < 1:
            raise ValueError(f"n={n} must be at least 1; leave RandAugment out instead")
        if not 0 <= magnitude <= 10 or std < 0:
            raise ValueError(f"magnitude={magnitude} must lie in 0..10 and std={std} be at least 0")
        if not 0 <= p <= 1:
            raise ValueError(f"p={p} must lie in [0, 1]: a probability")
        self.n, self.magnitude, self.std, self.p = n, magnitude, std, p

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        out, (b, on) = ops.as_float(x), (len(x), x.device)
        for _ in range(self.n):
            op = torch.randint(len(NAMES), (b,), generator=generator, device=on)
            use = torch.rand(b, generator=generator, device=on) < self.p
            noise = torch.randn(b, generator=generator, device=on)
            sign = torch.randint(2, (b,), generator=generator, device=on) * 2.0 - 1
            magnitude = (self.magnitude + self.std * noise).clamp(0, 10)
            out = ops.at_each(out, torch.where(use, op, -1), OPS, value(op, magnitude, sign)).round()
        return ops.as_given(out, x)
