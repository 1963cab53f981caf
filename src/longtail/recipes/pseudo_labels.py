"""pseudo-labels: a first model labels rows that have no label, and both are learnt from.

Paper: Yang and Xu, Rethinking the value of labels for improving class-imbalanced learning, NeurIPS 2020.
Claim: CIFAR-10-LT at imbalance 50: 83.2 %, 83.1 %, 81.6 %, 80.1 % with five times as many unlabelled images of imbalance
1, 25, 50, 100, ResNet-32 (the paper's repository); so it helps more the less imbalanced they are.

Reach for it when rows without labels are plenty: ``longtail compare DATA --unlabelled FILE``. The first model is erm's.
"""

from collections.abc import Callable

from longtail.objectives import PseudoLabelled
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm


def pseudo_labels(
    base: Stage,
    *,
    first: Callable[[Stage], Recipe] = erm,
    weight: float = 1.0,
    ratio: float = 1.0,
    power: float = 1.0,
) -> Recipe:
    """``first``, whose labels of the unlabelled rows join the labelled ones in a net trained from scratch."""
    augment = {} if base.augment is None else {"augment": base.augment}
    own = part(PseudoLabelled, weight=weight, ratio=ratio, power=power, **augment)
    stage = base.but(name="pseudo-labels", objective=own, mix=None)
    return Recipe("pseudo-labels", (stage,), teachers=(first(base),))
