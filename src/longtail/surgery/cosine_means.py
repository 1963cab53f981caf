"""CosineMeans: a cosine head that starts at the class means of the features. It is trained afterwards.

Source: Shi et al., "Long-Tail Learning with Foundation Model: Heavy Fine-Tuning Hurts", ICML 2024 (LIFT), which starts
its classifier from what the foundation model knows: text embeddings for CLIP, class means where there is no text.

    w_j = mean of f_i / ||f_i|| over the class,  z_j = scale cos(f, w_j)

| symbol | here |
|---|---|
| scale | ``scale`` |

A class without training examples keeps its random direction. Differs from the authors' code in normalising each feature
before the mean, so that a long one does not count more.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from longtail.heads import Cosine, class_means
from longtail.net import Net
from longtail.surgery.swap import under

Embed = Callable[[Net], tuple[Tensor, Tensor]]


class CosineMeans:
    """A net whose head is a :class:`longtail.heads.Cosine` of the class means. The backbone is shared; the old head is
    left alone.

    Args:
        embed: ``net -> (features [N, d], y [N])`` over the training data, not augmented (a fact).
        scale: of the cosines.

    >>> x, y = torch.tensor([[0.0, 1.0], [0.0, 3.0], [5.0, 0.0]]), torch.tensor([0, 0, 1])
    >>> net = CosineMeans(lambda net: (net.backbone(x), y))(Net(torch.nn.Identity(), torch.nn.Linear(2, 2)))
    >>> net.head.weight.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    works_on = "net"

    def __init__(self, embed: Embed, scale: float = 25.0) -> None:
        self.embed, self.scale = embed, scale

    def __call__(self, net: Net) -> Net:
        head = Cosine(net.feature_dim, net.num_classes, scale=self.scale)
        features, y = self.embed(net)
        means, seen = class_means(F.normalize(features, dim=1), y, net.num_classes)
        with torch.no_grad():
            means = torch.where(seen[:, None], F.normalize(means, dim=1), head.weight.to(means))
            head.weight.copy_(means)
        return under(net, head)

    def assumes(self, before: Tensor | None) -> Tensor | None:
        """None: cosines are no log probabilities before they are trained."""
        return None
