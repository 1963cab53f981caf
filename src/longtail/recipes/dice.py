"""dice: the soft overlap of predictions and labels, class by class, over the batch.

Paper: Milletari, Navab & Ahmadi, V-Net, 3DV 2016; for imbalanced classification Li et al., Dice loss for data-imbalanced
NLP tasks, ACL 2020.
Claim: each class counts alike, as in macro F1, which the overlap resembles. Its scores are no log probabilities.

Reach for it when F1 is the score, positives are few, and probabilities do not matter.

Differs from V-Net in the denominator, which is squared there (``squared=True``).
"""

from longtail.losses import Dice
from longtail.part import part
from longtail.recipe import Recipe, Stage


def dice(base: Stage, *, smooth: float = 1.0, squared: bool = False) -> Recipe:
    """1 - soft Dice of each class against the rest, averaged over the classes."""
    loss = part(Dice, smooth=smooth, squared=squared, region="batch")
    return Recipe("dice", (base.but(name="dice", loss=loss),))
