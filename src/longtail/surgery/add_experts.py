"""AddExperts: several experts on one trunk instead of one head (RIDE, SADE).

Source: Wang et al., "Long-tailed Recognition by Routing Diverse Distribution-Aware Experts", ICLR 2021: a CIFAR ResNet
is cut after its first stage; each expert has stages two and three of its own. Any other backbone stays whole, and each
expert has a hidden layer on its features. See :class:`longtail.heads.Experts`.

Differs from the authors' code in nothing for the ResNet; the other form is ours.
"""

from __future__ import annotations

from longtail.backbones import ResNetBranch, ResNetCIFAR, ResNetTrunk
from longtail.heads import Experts
from longtail.net import Net
from longtail.surgery.swap import under


class AddExperts:
    """A net with K experts, fresh but for the shared trunk.

    Args:
        experts: K.
        widths: channels of an expert's two stages in a CIFAR ResNet: (24, 48) is the paper's reduced form, (32, 64) the
            ResNet's own.
        scale: of the cosine classifiers; None for linear ones.

    Raises:
        ValueError: ``experts`` is below 1.

    >>> from torch import nn
    >>> net = AddExperts(experts=2)(Net(ResNetCIFAR(8), nn.Linear(64, 5)))
    >>> type(net.backbone).__name__, len(net.head.branches), net.num_classes
    ('ResNetTrunk', 2, 5)
    """

    works_on = "net"

    def __init__(
        self, experts: int = 3, widths: tuple[int, ...] = (24, 48), scale: float | None = 30.0
    ) -> None:
        if experts < 1:
            raise ValueError(f"experts={experts}: there must be at least one")
        self.experts, self.widths, self.scale = experts, widths, scale

    def __call__(self, net: Net) -> Net:
        if not isinstance(net.backbone, ResNetCIFAR):
            head = Experts(net.feature_dim, net.num_classes, None, self.experts, self.scale)
            return under(net, head)
        trunk = ResNetTrunk.of(net.backbone)
        blocks = len(net.backbone.layer1)
        branches = [ResNetBranch(trunk.out_features, self.widths, blocks) for _ in range(self.experts)]
        head = Experts(trunk.out_features, net.num_classes, branches, scale=self.scale)
        like = next(net.parameters())
        return Net(trunk, head.to(device=like.device, dtype=like.dtype)).train(net.training)

    def assumes(self, before: object) -> None:
        """None: untrained heads assume nothing."""
        return None
