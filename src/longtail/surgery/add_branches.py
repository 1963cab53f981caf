"""AddBranches: two branches on one trunk instead of one head (BBN).

Source: Zhou et al., "BBN: Bilateral-Branch Network with Cumulative Learning for Long-Tailed Visual Recognition", CVPR
2020: a CIFAR ResNet is cut before its last block, and each branch has a last block of its own. Any other backbone stays
whole, and each branch is a residual block on its features. See :class:`longtail.heads.TwoBranch`.

Differs from the authors' code in nothing for the ResNet; the other form is ours.
"""

from __future__ import annotations

from longtail.backbones import ResNetBranch, ResNetCIFAR, ResNetTrunk
from longtail.heads import TwoBranch
from longtail.net import Net
from longtail.surgery.swap import under


class AddBranches:
    """A net with two branches, fresh but for the shared trunk. A ResNet-32 has 537,488 parameters then, and its head's.

    >>> from torch import nn
    >>> net = AddBranches()(Net(ResNetCIFAR(32), nn.Linear(64, 10)))
    >>> net.head.linear.in_features, sum(p.numel() for p in net.parameters()) - 128 * 10 - 10
    (128, 537488)
    """

    works_on = "net"

    def __call__(self, net: Net) -> Net:
        if not isinstance(net.backbone, ResNetCIFAR):
            return under(net, TwoBranch(net.feature_dim, net.num_classes))
        trunk = ResNetTrunk.of(net.backbone, blocks=3 * len(net.backbone.layer1) - 1)
        width = net.backbone.out_features
        branches = [ResNetBranch(trunk.out_features, (width,)) for _ in range(2)]
        head = TwoBranch(trunk.out_features, net.num_classes, branches)
        like = next(net.parameters())
        return Net(trunk, head.to(device=like.device, dtype=like.dtype)).train(net.training)

    def assumes(self, before: object) -> None:
        """None: untrained heads assume nothing."""
        return None
