"""ResNetCIFAR and its relatives: memory layout."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from longtail.backbones import ResNetBranch, ResNetCIFAR, ResNetTrunk


class Layouts(TorchDispatchMode):
    """Collects the operations that read batches of maps in both layouts at once."""

    def __init__(self) -> None:
        super().__init__()
        self.mixed: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        maps = [a for a in args if isinstance(a, Tensor) and a.dim() == 4 and a.shape[0] == 2]
        if len({a.is_contiguous() for a in maps if min(a.shape[1:]) > 1}) > 1:
            self.mixed.append(str(func))
        return func(*args, **(kwargs or {}))


class Experts(nn.Module):
    def __init__(self, trunk: nn.Module, branch: nn.Module) -> None:
        super().__init__()
        self.trunk, self.branch = trunk, branch

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.branch(self.trunk(x))
        return features


MAKERS = {
    "ResNetCIFAR": lambda: ResNetCIFAR(14),
    "an expert": lambda: Experts(ResNetTrunk(14), ResNetBranch(blocks=2)),
    "a last block": lambda: Experts(ResNetTrunk(14, blocks=5), ResNetBranch(64, (64,))),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_step_in_channels_last_stays_in_channels_last(make: Any) -> None:
    """One gradient in the other layout makes all below it several times slower."""
    torch.manual_seed(0)
    net = make().to(memory_format=torch.channels_last).train()
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8)
    layouts = Layouts()
    with layouts:
        net(images).square().sum().backward()
    # The images themselves come as they are: the first convolution, and its gradient, read both layouts.
    assert set(layouts.mixed) <= {"aten.convolution.default", "aten.convolution_backward.default"}
    assert len(layouts.mixed) <= 2


@pytest.mark.parametrize("size", [8, 9, 32])
def test_the_shortcut_takes_every_second_pixel(size: int) -> None:
    net = ResNetCIFAR(8).eval()
    block = net.layer2[0]
    for p in block.parameters():
        nn.init.zeros_(p)  # leaves the shortcut
    x = torch.rand(2, 16, size, size)
    want = torch.zeros(2, 32, -(-size // 2), -(-size // 2))
    want[:, 8:24] = x[:, :, ::2, ::2]
    assert torch.equal(block(x), want)
