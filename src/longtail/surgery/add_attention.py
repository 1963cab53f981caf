"""AddAttention: OLTR's modulated attention on the backbone's last feature maps.

Source: Liu et al., "Large-Scale Long-Tailed Recognition in an Open World", CVPR 2019; see
:class:`longtail.backbones.Attended`. It begins as the identity. A backbone without maps (tables, text, ready-made
features) has no places to attend to: the net stays as it is, and a warning says so.
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from longtail import roles
from longtail.backbones import Attended
from longtail.heads import spec_of
from longtail.net import Net
from longtail.roles import GivesMaps
from longtail.surgery.class_means import Embed
from longtail.surgery.swap import under


class MapSize(nn.Module):
    """``x -> [B, 3]``: channels, height and width of the backbone's maps."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Any) -> Tensor:
        maps: Tensor = self.backbone.maps(x)  # type: ignore[operator]
        return torch.tensor(maps.shape[1:], dtype=torch.float32).expand(len(maps), 3)


class AddAttention:
    """The same net with attention before pooling, where the backbone has ``maps``; else the same net.

    Args:
        embed: ``net -> (features [N, d], y [N])`` over the training data (a fact); it tells the maps' size.

    Raises:
        TypeError: on the call: a backbone with maps, and without a ``spec`` to be rebuilt from.
    """

    works_on = "net"

    def __init__(self, embed: Embed) -> None:
        self.embed = embed

    def __call__(self, net: Net) -> Net:
        head = spec_of(net.head).build()
        head.load_state_dict(copy.deepcopy(net.head.state_dict()))
        backbone = net.backbone
        if not isinstance(backbone, GivesMaps):
            warnings.warn(
                f"{type(backbone).__name__} gives no feature maps: the modulated attention is left out",
                stacklevel=2,
            )
            return under(net, head)
        if roles.spec_of(backbone) is None:
            raise TypeError(
                f"backbone {type(backbone).__name__} has maps but no 'spec' to rebuild it from: give it one "
                "(longtail.part.part), or leave the attention out"
            )
        size, _ = self.embed(Net(MapSize(backbone), net.head).train(net.training))
        attended = Attended(backbone, *(int(n) for n in size[0].tolist()))
        like = next(net.parameters())
        return Net(attended, head).to(device=like.device, dtype=like.dtype).train(net.training)

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """``before``: the logits are the same until it is trained."""
        return before
