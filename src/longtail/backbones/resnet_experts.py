"""ResNetTrunk and ResNetBranch: the CIFAR ResNet cut after its first stage, for several experts on one trunk.

Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts" (RIDE), ICLR 2021: the stem and the
first stage are shared; each expert has stages two and three of its own, narrowed from 32-64 to 24-48 channels.

| symbol | here |
|---|---|
| shared layers | ``ResNetTrunk``: images -> maps ``[B, 16, H, W]`` |
| an expert's layers | ``ResNetBranch``: maps -> features ``[B, widths[-1]]`` |

Differs from the authors' code in nothing; Kaiming-normal convolutions, option-A shortcuts.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from longtail.backbones.resnet_cifar import CIFAR_MEAN, CIFAR_STD, Block, ResNetCIFAR, pooled
from longtail.part import part


class ResNetTrunk(nn.Module):
    """Images ``[B, 3, H, W]`` (uint8 or floats, 0..255) to maps ``[B, 16, H, W]``: stem and first stage.

    Args:
        depth, mean, std: of the ``ResNetCIFAR`` it is cut from.

    >>> import torch
    >>> ResNetTrunk(8)(torch.zeros(2, 3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([2, 16, 8, 8])
    """

    def __init__(
        self, depth: int = 32, mean: Sequence[float] = CIFAR_MEAN, std: Sequence[float] = CIFAR_STD
    ) -> None:
        super().__init__()
        self._take(ResNetCIFAR(depth, mean, std))
        self.out_features = 16
        self.spec = part(ResNetTrunk, depth=depth, mean=tuple(mean), std=tuple(std))

    def _take(self, whole: ResNetCIFAR) -> None:
        self.normalize, self.conv1, self.bn1, self.layer1 = (
            whole.normalize, whole.conv1, whole.bn1, whole.layer1,
        )  # fmt: skip

    @classmethod
    def of(cls, whole: ResNetCIFAR) -> ResNetTrunk:
        """The trunk of a ResNet, its modules shared, not copied."""
        trunk = cls(**dict(whole.spec.kwargs))
        trunk._take(whole)
        return trunk

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.layer1(F.relu(self.bn1(self.conv1(self.normalize(x))), inplace=True))
        return maps


class ResNetBranch(nn.Module):
    """Maps ``[B, channels, H, W]`` to features ``[B, widths[-1]]``: a stage of stride 2 for each width, then a mean.

    Args:
        channels: of the maps.
        widths: channels of each stage.
        blocks: basic blocks a stage; (depth - 2) / 6.

    >>> import torch
    >>> ResNetBranch()(torch.zeros(2, 16, 8, 8)).shape
    torch.Size([2, 48])
    """

    def __init__(self, channels: int = 16, widths: Sequence[int] = (24, 48), blocks: int = 1) -> None:
        super().__init__()
        if not widths or any((b - a) % 2 or b < a for a, b in zip((channels, *widths), widths)):
            raise ValueError(f"widths={tuple(widths)} must grow from {channels} by even steps")
        stages, width = [], channels
        for wider in widths:
            stages.append(
                nn.Sequential(
                    *(Block(width if k == 0 else wider, wider, 2 if k == 0 else 1) for k in range(blocks))
                )
            )
            width = wider
        self.stages = nn.Sequential(*stages)
        self.out_features = width
        self.spec = part(ResNetBranch, channels=channels, widths=tuple(widths), blocks=blocks)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)

    def forward(self, maps: Tensor) -> Tensor:
        return pooled(self.stages(maps))
