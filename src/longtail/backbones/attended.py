"""Attended: a backbone whose last feature maps pass OLTR's modulated attention before pooling.

Liu et al., "Large-Scale Long-Tailed Recognition in an Open World", CVPR 2019: on maps X of c channels
``A = softmax_row(theta(X)^T phi(X))``, ``M = W g(X) A^T``, ``S = softmax over places of FC(X)``, ``X' = X + S * M``.

| symbol | here |
|---|---|
| theta, phi, g (1x1 convolutions, c -> c / 2) | ``theta``, ``phi``, ``g`` |
| W (1x1, zero at the start) | ``back`` |
| FC | ``places``; it fixes the maps' size |

Differs from the authors' code in the layer after pooling (512 features, ReLU), which small ResNets do not need.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from longtail.backbones.resnet_cifar import pooled
from longtail.part import part
from longtail.roles import spec_of


class Attended(nn.Module):
    """Inputs to features ``[B, channels]``; at the start it equals ``inner``.

    Args:
        inner: a backbone whose features are the means of its ``maps(x)`` ``[B, channels, height, width]``.
        channels, height, width: of the maps.

    >>> from longtail.backbones import ResNetCIFAR
    >>> inner, x = ResNetCIFAR(8).eval(), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    >>> Attended(inner, 64, 2, 2).eval()(x).allclose(inner(x))
    True
    """

    def __init__(self, inner: nn.Module, channels: int, height: int, width: int) -> None:
        super().__init__()
        half, places = max(1, channels // 2), height * width
        self.inner, self.out_features = inner, channels
        self.theta, self.phi, self.g = (nn.Conv2d(channels, half, 1) for _ in range(3))
        self.back = nn.Conv2d(half, channels, 1, bias=False)
        nn.init.zeros_(self.back.weight)
        self.places = nn.Linear(channels * places, places)
        spec = spec_of(inner)
        if spec is not None:
            self.spec = part(Attended, inner=spec, channels=channels, height=height, width=width)

    def maps(self, x: Any) -> Tensor:
        """The maps after attention ``[B, channels, height, width]``."""
        maps: Tensor = self.inner.maps(x)  # type: ignore[operator]
        theta, phi, g = (layer(maps).flatten(2) for layer in (self.theta, self.phi, self.g))  # [B, c/2, HW]
        attention = torch.softmax(theta.transpose(1, 2) @ phi, -1)
        attended = (g @ attention.transpose(1, 2)).unflatten(2, maps.shape[2:])
        where = self.places(maps.flatten(1)).softmax(-1).unflatten(1, (1, *maps.shape[2:]))
        return maps + where * self.back(attended)

    def forward(self, x: Any) -> Tensor:
        return pooled(self.maps(x))
