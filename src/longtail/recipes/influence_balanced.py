"""influence-balanced: cross-entropy first; then examples that already move the decision boundary count less.

Paper: Park et al., Influence-balanced loss for imbalanced visual classification, ICCV 2021.
Claim: CIFAR-10-LT 76.7 %, CIFAR-100-LT 40.8 % at imbalance 100, ResNet-32 (Zhang et al., AAAI 2021, who
begin with it after 160 of 200 epochs).

Reach for it where the head over-fits frequent classes late in training.

Two phases of one training, as in the authors' code: the learning rate goes on falling, the net goes on as it is, and the
loss changes after half of the epochs (``defer``). The factor ``alpha`` is theirs; it multiplies the loss, so with SGD it
is a learning rate too.
"""

from longtail.losses import CrossEntropy, InfluenceBalanced
from longtail.objectives import WithFeatures
from longtail.part import part, switch
from longtail.recipe import Recipe, Stage
from longtail.weights import inverse


def influence_balanced(base: Stage, *, defer: float = 0.5, alpha: float = 1000.0) -> Recipe:
    """Cross-entropy; from ``defer`` of the epochs on over the influence on the head, with weights 1 / n_j."""
    late = part(InfluenceBalanced, alpha=alpha, weight=part(inverse))
    stage = base.but(
        name="influence-balanced",
        loss=switch({0.0: part(CrossEntropy), defer: late}),
        objective=part(WithFeatures),
        mix=None,
    )
    return Recipe("influence-balanced", (stage,))
