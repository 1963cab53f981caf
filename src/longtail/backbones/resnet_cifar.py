"""The ResNet for small images (He et al., CVPR 2016, section 4.2), exactly as the CIFAR-LT papers use it.

Channels 16-32-64, three stages of (depth - 2) / 6 basic blocks, parameter-free shortcuts (option A: every second pixel,
channels padded with zeros), global average pooling to 64 features. Kaiming-normal convolutions. ResNet-32 has 463,504
parameters without its head.

Differs from the papers' code: images come in as uint8 or 0..255 floats and are normalised by the first layer, so a saved
model needs no remark about its input.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.part import part

CIFAR_MEAN, CIFAR_STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)


class Normalize(nn.Module):
    """``(x / 255 - mean) / std`` per channel, float32, for images ``[B, C, H, W]`` in 0..255."""

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: Sequence[float] = CIFAR_MEAN, std: Sequence[float] = CIFAR_STD) -> None:
        super().__init__()
        m, s = torch.tensor(mean).view(-1, 1, 1), torch.tensor(std).view(-1, 1, 1)
        self.register_buffer("scale", 1 / (255 * s), persistent=False)
        self.register_buffer("shift", -m / s, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        # In place, on a copy: a second fresh buffer costs five times what the arithmetic does on a CPU.
        return x.to(torch.float32, copy=True).mul_(self.scale).add_(self.shift)


class Block(nn.Module):
    """Two 3x3 convolutions and an option-A shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride, self.pad = stride, (channels - channels_in) // 2

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        if self.stride != 1:
            # Every second pixel by pooling, not by a slice: a slice's gradient comes back in the other memory layout,
            # and so would all gradients below it.
            x = F.pad(F.avg_pool2d(x, 1, self.stride), (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(out + x, inplace=True)


class ResNetCIFAR(nn.Module):
    """Images ``[B, 3, H, W]`` (uint8 or floats, 0..255) to features ``[B, 64]``.

    Args:
        depth: 8, 14, 20, 32, 44, 56: 6 n + 2.
        mean, std: normalisation per channel, for pixels in 0..1.

    Raises:
        ValueError: a depth that is not 6 n + 2.

    >>> net = ResNetCIFAR(32)
    >>> sum(p.numel() for p in net.parameters())
    463504
    >>> net(torch.zeros(2, 3, 32, 32, dtype=torch.uint8)).shape
    torch.Size([2, 64])
    """

    def __init__(
        self, depth: int = 32, mean: Sequence[float] = CIFAR_MEAN, std: Sequence[float] = CIFAR_STD
    ) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth={depth} must be 8, 14, 20, 32, 44 or 56 (6 n + 2)")
        blocks = (depth - 2) // 6
        self.normalize = Normalize(mean, std)
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        layers, width = [], 16
        for channels, stride in ((16, 1), (32, 2), (64, 2)):
            stage = [
                Block(width if k == 0 else channels, channels, stride if k == 0 else 1) for k in range(blocks)
            ]
            layers.append(nn.Sequential(*stage))
            width = channels
        self.layer1, self.layer2, self.layer3 = layers
        self.out_features = 64
        self.spec = part(ResNetCIFAR, depth=depth, mean=tuple(mean), std=tuple(std))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight)

    def maps(self, x: Tensor) -> Tensor:
        """The last feature maps ``[B, 64, H/4, W/4]``, before pooling."""
        out = F.relu(self.bn1(self.conv1(self.normalize(x))), inplace=True)
        return self.layer3(self.layer2(self.layer1(out)))

    def forward(self, x: Tensor) -> Tensor:
        return pooled(self.maps(x))


def pooled(maps: Tensor) -> Tensor:
    """The mean over all places: maps ``[B, C, H, W]`` to features ``[B, C]``.

    Unlike ``maps.mean((2, 3))``, whose gradient is laid out channels first, it leaves the gradient in the maps' layout.

    >>> pooled(torch.arange(8.0).view(1, 2, 2, 2))
    tensor([[1.5000, 5.5000]])
    """
    return F.avg_pool2d(maps, (maps.shape[2], maps.shape[3])).flatten(1)
