"""ClassMeans: replace the head by the class means of the training features (NCM). No training.

Source: Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020; see
:class:`longtail.heads.NearestMean` for the formula, the variants and the differences.

| symbol | here |
|---|---|
| cl2n, l2n, un | ``transform`` |
| l2, cosine | ``distance`` |
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from longtail.heads import NearestMean
from longtail.net import Net
from longtail.surgery.swap import under

Embed = Callable[[Net], tuple[Tensor, Tensor]]


class ClassMeans:
    """A net with a nearest-class-mean head. The backbone is shared; the old head is left alone.

    Args:
        embed: ``net -> (features [N, d], y [N])`` over the training data, not augmented (a fact).
        transform: ``"centre_l2"``, ``"l2"`` or ``"none"``.
        distance: ``"l2"``, ``"cosine"`` or ``"dot"``.

    >>> import torch
    >>> from torch import nn
    >>> x, y = torch.tensor([[0.0, 1.0], [0.0, 3.0], [5.0, 0.0]]), torch.tensor([0, 0, 1])
    >>> net = ClassMeans(lambda net: (net.backbone(x), y))(Net(nn.Identity(), nn.Linear(2, 2)))
    >>> net(x).argmax(1).tolist()
    [0, 0, 1]
    """

    works_on = "net"

    def __init__(self, embed: Embed, transform: str = "centre_l2", distance: str = "l2") -> None:
        NearestMean(
            1, 1, transform, distance
        )  # an unknown word is an error now, not after the pass over the data
        self.embed, self.transform, self.distance = embed, transform, distance

    def __call__(self, net: Net) -> Net:
        new = under(net, NearestMean(net.feature_dim, net.num_classes, self.transform, self.distance))
        assert isinstance(new.head, NearestMean)
        new.head.set_means(*self.embed(net))
        return new

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """None: distances are no log probabilities; calibrate on held-out data."""
        return None
