"""focal: easy examples count less.

Paper: Lin et al., Focal loss for dense object detection, ICCV 2017, equation 4.
Claim: helps dense detection; on long-tailed classification it is about level with cross-entropy (CIFAR-LT tables).

Reach for it when easy examples drown the hard ones, whatever their class; calibrate its probabilities.
"""

from longtail.losses import Focal
from longtail.part import part
from longtail.recipe import Recipe, Stage


def focal(base: Stage, *, gamma: float = 2.0) -> Recipe:
    """(1 - p_t) ** gamma times cross-entropy."""
    return Recipe("focal", (base.but(name="focal", loss=part(Focal, gamma=gamma)),))
