"""ResNetTrunk and ResNetBranch: the CIFAR ResNet cut after some of its blocks, for several branches on one trunk.

Zhou et al., "BBN: Bilateral-Branch Network with Cumulative Learning for Long-Tailed Visual Recognition", CVPR 2020: all
blocks but the last are shared; each of two branches has a last block of its own. Wang et al., "Long-tailed Recognition
by Routing Diverse Distribution-Aware Experts" (RIDE), ICLR 2021: the stem and the first stage are shared; each expert
has stages two and three of its own, narrowed from 32-64 to 24-48 channels.

| symbol | here |
|---|---|
| shared layers | ``ResNetTrunk``: images -> maps ``[B, 16, H, W]`` after the first stage |
| a branch's layers | ``ResNetBranch``: maps -> features ``[B, widths[-1]]`` |

Differs from the authors' code in nothing; Kaiming-normal convolutions, option-A shortcuts.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from longtail.backbones.resnet_cifar import CIFAR_MEAN, CIFAR_STD, Block, ResNetCIFAR, pooled
from longtail.part import part


class ResNetTrunk(nn.Module):
    """Images ``[B, 3, H, W]`` (uint8 or floats, 0..255) to maps: the stem and the first ``blocks`` blocks.

    Args:
        depth, mean, std: of the ``ResNetCIFAR`` it is cut from.
        blocks: basic blocks that stay, of ``(depth - 2) / 2``; None: those of the first stage.

    Raises:
        ValueError: ``blocks`` is not between 1 and what there is.

    >>> import torch
    >>> images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    >>> ResNetTrunk(8)(images).shape, ResNetTrunk(8, blocks=2)(images).shape
    (torch.Size([2, 16, 8, 8]), torch.Size([2, 32, 4, 4]))
    """

    def __init__(
        self,
        depth: int = 32,
        mean: Sequence[float] = CIFAR_MEAN,
        std: Sequence[float] = CIFAR_STD,
        blocks: int | None = None,
    ) -> None:
        super().__init__()
        stage = (depth - 2) // 6
        self.blocks = stage if blocks is None else blocks
        whole = ResNetCIFAR(depth, mean, std)
        if not 1 <= self.blocks <= 3 * stage:
            raise ValueError(f"blocks={blocks} must be 1 to {3 * stage}, the blocks of a ResNet-{depth}")
        self._take(whole)
        self.out_features = (16, 32, 64)[(self.blocks - 1) // stage]
        self.spec = part(ResNetTrunk, depth=depth, mean=tuple(mean), std=tuple(std), blocks=blocks)

    def _take(self, whole: ResNetCIFAR) -> None:
        self.normalize, self.conv1, self.bn1 = whole.normalize, whole.conv1, whole.bn1
        stages, left = [], self.blocks
        for stage in (whole.layer1, whole.layer2, whole.layer3):
            stages.append(stage[: max(0, left)])
            left -= len(stage)
        self.layer1, self.layer2, self.layer3 = stages

    @classmethod
    def of(cls, whole: ResNetCIFAR, blocks: int | None = None) -> ResNetTrunk:
        """The trunk of a ResNet, its modules shared, not copied."""
        trunk = cls(**dict(whole.spec.kwargs), blocks=blocks)
        trunk._take(whole)
        return trunk

    def forward(self, x: Tensor) -> Tensor:
        maps = F.relu(self.bn1(self.conv1(self.normalize(x))), inplace=True)
        out: Tensor = self.layer3(self.layer2(self.layer1(maps)))
        return out


class ResNetBranch(nn.Module):
    """Maps ``[B, channels, H, W]`` to features ``[B, widths[-1]]``: a stage for each width, then a mean. A stage that
    widens has stride 2.

    Args:
        channels: of the maps.
        widths: channels of each stage.
        blocks: basic blocks a stage.

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
            first = Block(width, wider, 2 if wider > width else 1)
            stages.append(nn.Sequential(first, *(Block(wider, wider, 1) for _ in range(blocks - 1))))
            width = wider
        self.stages = nn.Sequential(*stages)
        self.out_features = width
        self.spec = part(ResNetBranch, channels=channels, widths=tuple(widths), blocks=blocks)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)

    def forward(self, maps: Tensor) -> Tensor:
        return pooled(self.stages(maps))
