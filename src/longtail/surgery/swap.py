"""Another head under the same backbone: reset (fresh weights, same kind) and swap (another kind).

Source: the cRT step of Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition",
ICLR 2020: the classifier is re-initialised, then re-trained on a class-balanced stream with the backbone
frozen.

Differs from the authors' code in nothing. The new net SHARES the old one's backbone (not a copy); the head
is new. Fresh weights are drawn from torch's global generator: seed it before.
"""

from __future__ import annotations

import copy

from torch import Tensor, nn

from longtail.heads import spec_of
from longtail.net import Net


def under(net: Net, head: nn.Module) -> Net:
    """``net``'s backbone under ``head``, moved to the net's device and dtype, in the net's train or eval
    mode.

    Raises:
        ValueError: the head's sizes are not the net's.
    """
    for name in ("in_features", "out_features"):
        if getattr(head, name) != getattr(net.head, name):
            raise ValueError(
                f"head {type(head).__name__} has {name}={getattr(head, name)}, the net has "
                f"{getattr(net.head, name)}: "
                "leave feature_dim and num_classes out of the recipe to have them filled"
            )
    like = next((p for p in net.parameters() if p.is_floating_point()), None)
    if like is not None:
        head = head.to(device=like.device, dtype=like.dtype)
    return net.with_head(head).train(net.training)


class ResetHead:
    """The same kind of head with fresh weights.

    >>> import torch
    >>> net = Net(nn.Identity(), nn.Linear(4, 3))
    >>> new = ResetHead()(net)
    >>> bool((new.head.weight == net.head.weight).any()), new.backbone is net.backbone
    (False, True)
    """

    works_on = "net"
    tasks = frozenset({"single-label", "multi-label"})

    def __call__(self, net: Net) -> Net:
        return under(net, spec_of(net.head).build())

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """None: an untrained head assumes nothing."""
        return None


class SwapHead:
    """Another head. In a recipe: ``part(SwapHead, head=part(Cosine, scale=30.0))``, sizes filled from the
    net.

    Args:
        head: the new head; it is copied, so one SwapHead can serve several nets.
    """

    works_on = "net"
    tasks = frozenset({"single-label", "multi-label"})

    def __init__(self, head: nn.Module) -> None:
        self.head = head

    def __call__(self, net: Net) -> Net:
        return under(net, copy.deepcopy(self.head))

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """None: an untrained head assumes nothing."""
        return None
