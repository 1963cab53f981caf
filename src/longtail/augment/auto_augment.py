"""AutoAugment with the policy learnt on CIFAR-10.

Cubuk et al., *AutoAugment: learning augmentation strategies from data*, CVPR 2019, table 7: one of 25
sub-policies, drawn for each image; two operations each, applied in order with their probabilities and
magnitudes 0..9.

| paper | here |
|---|---|
| sub-policies | ``POLICY``: (operation, probability, magnitude) twice |
| magnitude 0..9 of shear, shift | 0..0.3, 0..150/331 of the side, with a random sign |
| of rotation; of colour, contrast, brightness, sharpness | 0..30 degrees; 1 +- 0..0.9 |
| of posterize; of solarize | 8..4 bits; from 256..0 on |

The magnitudes are those of the port that PaCo, NCL, BCL and ProCo train with. *Differs from that code in*
bilinear interpolation, and in nothing else that we know of: its rotations are always counter-clockwise, and
so are ours.
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.augment import ops

NAMES = (
    "shear_x", "shear_y", "translate_x", "translate_y", "rotate",
    "color", "contrast", "brightness", "sharpness",
    "posterize", "solarize", "autocontrast", "equalize", "invert",
)  # fmt: skip
OPS = tuple(getattr(ops, name) for name in NAMES)

POLICY = (
    ("invert", 0.1, 7, "contrast", 0.2, 6),
    ("rotate", 0.7, 2, "translate_x", 0.3, 9),
    ("sharpness", 0.8, 1, "sharpness", 0.9, 3),
    ("shear_y", 0.5, 8, "translate_y", 0.7, 9),
    ("autocontrast", 0.5, 8, "equalize", 0.9, 2),
    ("shear_y", 0.2, 7, "posterize", 0.3, 7),
    ("color", 0.4, 3, "brightness", 0.6, 7),
    ("sharpness", 0.3, 9, "brightness", 0.7, 9),
    ("equalize", 0.6, 5, "equalize", 0.5, 1),
    ("contrast", 0.6, 7, "sharpness", 0.6, 5),
    ("color", 0.7, 7, "translate_x", 0.5, 8),
    ("equalize", 0.3, 7, "autocontrast", 0.4, 8),
    ("translate_y", 0.4, 3, "sharpness", 0.2, 6),
    ("brightness", 0.9, 6, "color", 0.2, 8),
    ("solarize", 0.5, 2, "invert", 0.0, 3),
    ("equalize", 0.2, 0, "autocontrast", 0.6, 0),
    ("equalize", 0.2, 8, "equalize", 0.6, 4),
    ("color", 0.9, 9, "equalize", 0.6, 6),
    ("autocontrast", 0.8, 4, "solarize", 0.2, 8),
    ("brightness", 0.1, 3, "color", 0.7, 0),
    ("solarize", 0.4, 5, "autocontrast", 0.9, 3),
    ("translate_y", 0.9, 9, "translate_y", 0.7, 9),
    ("autocontrast", 0.9, 2, "solarize", 0.8, 3),
    ("equalize", 0.8, 8, "invert", 0.1, 3),
    ("translate_y", 0.7, 9, "autocontrast", 0.9, 1),
)


def value(op: Tensor, magnitude: Tensor, sign: Tensor) -> Tensor:
    """The operation's value: op ``[B]`` indexes ``NAMES`` (-1: any), magnitude 0..9, sign +-1; float
    ``[B]``.
    """
    m = magnitude.float() / 9
    name = {n: op == k for k, n in enumerate(NAMES)}
    out = torch.where(op >= NAMES.index("color"), 1 + sign * 0.9 * m, sign * 0.3 * m)  # enhancers; shears
    out = torch.where(name["translate_x"] | name["translate_y"], sign * (150 / 331) * m, out)
    out = torch.where(name["rotate"], 30 * m, out)
    out = torch.where(name["posterize"], (8 - 4 * m).round(), out)
    return torch.where(name["solarize"], 256 * (1 - m), out)


class AutoAugment:
    """The CIFAR-10 policy, a draw for each image; range 0..255 in and out, uint8 stays uint8.

    >>> AutoAugment()(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.Generator().manual_seed(0)).dtype
    torch.uint8
    """

    takes = frozenset({"image"})

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        out, (b, on) = ops.as_float(x), (len(x), x.device)
        policy = torch.randint(len(POLICY), (b,), generator=generator, device=on)
        for k in (0, 3):
            op = torch.tensor([NAMES.index(str(p[k])) for p in POLICY], device=on)[policy]
            chance = torch.tensor([float(p[k + 1]) for p in POLICY], device=on)[policy]
            magnitude = torch.tensor([int(p[k + 2]) for p in POLICY], device=on)[policy]
            use = torch.rand(b, generator=generator, device=on) < chance
            sign = torch.randint(2, (b,), generator=generator, device=on) * 2.0 - 1
            out = ops.at_each(out, torch.where(use, op, -1), OPS, value(op, magnitude, sign)).round()
        return ops.as_given(out, x)
