"""softmax-eql: an example mostly leaves rare classes out of its softmax, so it does not push them down.

Paper: Tan et al., Equalization loss for long-tailed object recognition, CVPR 2020, equations 7 to 9.
Claim: CIFAR-100-LT 40.5 % at imbalance 100, 44.8 % at 50, ResNet-32 (Zhang et al., AAAI 2021; cross-entropy 38.3 and
43.9).

Reach for it as eql, with a softmax. Classes are rare that together hold at most ``tail`` of the rows, which is close to
what its code sets by hand for CIFAR-LT; where none is, that is said before training.
"""

from longtail.losses import SoftmaxEQL
from longtail.part import part
from longtail.recipe import Recipe, Stage


def softmax_eql(
    base: Stage, *, gamma: float = 0.9, tail: float = 0.1, threshold: float | None = None
) -> Recipe:
    """Cross-entropy whose sum leaves each rare class out with probability ``gamma``, but for the label's own."""
    loss = part(SoftmaxEQL, gamma=gamma, threshold=threshold, tail=tail)
    return Recipe("softmax-eql", (base.but(name="softmax-eql", loss=loss),))
