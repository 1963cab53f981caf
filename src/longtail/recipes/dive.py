"""dive: a balanced-softmax teacher's flattened predictions are virtual examples of the tail.

Paper: He et al., Distilling virtual examples for long-tailed recognition, ICCV 2021.
Claim: CIFAR-10-LT 78.9 %, CIFAR-100-LT 45.5 % at imbalance 100, ResNet-32 (the figures of the port in the bag of tricks).
Its teacher is balanced-softmax, trained once for both.

Reach for it as a second stage to balanced-softmax, at the cost of a second training.
"""

from longtail.losses import DiVE
from longtail.objectives import Distilled
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.balanced_softmax import balanced_softmax


def dive(base: Stage, *, alpha: float = 0.5, temperature: float = 2.0, power: float = 0.5) -> Recipe:
    """Balanced softmax and, for ``alpha`` of the loss, the teacher; ``power=1`` leaves its predictions as they are."""
    stage = base.but(
        name="dive",
        loss=part(DiVE, alpha=alpha, temperature=temperature, power=power),
        objective=part(Distilled),
        mix=None,
    )
    return Recipe("dive", (stage,), teachers=(balanced_softmax(base),))
