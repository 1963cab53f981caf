"""dsc: the soft overlap of each example with its label, in which easy examples fade (self-adjusting dice).

Paper: Li et al., Dice loss for data-imbalanced NLP tasks, ACL 2020.
Claim: better F1 in tagging and reading comprehension with BERT, where most examples are easy negatives. Its scores are no
log probabilities.

Reach for it as dice, where easy examples drown the rest. Defaults are those of the authors' scripts (smooth 1, alpha .01,
squared), without their mining of hard negatives.

With alpha above 0 the loss rises again as a probability nears 1: by design, easy examples stop pulling.
"""

from longtail.losses import DSC
from longtail.part import part
from longtail.recipe import Recipe, Stage


def dsc(base: Stage, *, alpha: float = 0.01, smooth: float = 1.0, squared: bool = True) -> Recipe:
    """1 - the overlap of (1 - p) ** alpha * p with the label, each class against the rest, for each example."""
    loss = part(DSC, alpha=alpha, smooth=smooth, squared=squared)
    return Recipe("dsc", (base.but(name="dsc", loss=loss),))
