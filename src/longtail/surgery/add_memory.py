"""AddMemory: an OLTR head whose centroids begin as the class means of the training features.

Source: Liu et al., "Large-Scale Long-Tailed Recognition in an Open World", CVPR 2019; see
:class:`longtail.heads.Memory`. The hallucinator T_hal begins as the present head, where that is linear.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.heads import Memory, class_means
from longtail.net import Net
from longtail.surgery.class_means import Embed
from longtail.surgery.swap import under


class AddMemory:
    """The backbone (shared) under a :class:`longtail.heads.Memory` head.

    Args:
        embed: ``net -> (features [N, d], y [N])`` over the training data, not augmented (a fact).
        scale: of the cosine head.
        reach: numerator of the reachability.
    """

    works_on = "net"

    def __init__(self, embed: Embed, scale: float = 16.0, reach: float = 10.0) -> None:
        Memory(1, 1, scale, reach)  # a bad number is an error now, not after the pass over the data
        self.embed, self.scale, self.reach = embed, scale, reach

    def __call__(self, net: Net) -> Net:
        new = under(net, Memory(net.feature_dim, net.num_classes, self.scale, self.reach))
        head, old = new.head, net.head
        assert isinstance(head, Memory)
        features, y = self.embed(net)
        with torch.no_grad():
            means, _ = class_means(features.double(), y.to(features.device), net.num_classes)
            head.centroids.copy_(means)
            if isinstance(old, nn.Linear):
                head.hallucinate.weight.copy_(old.weight)
                head.hallucinate.bias.copy_(
                    old.bias if old.bias is not None else torch.zeros(len(old.weight))
                )
        return new

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """None: the head is untrained."""
        return None
