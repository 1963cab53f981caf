"""focal: easy examples count less.

Paper: Lin et al., Focal loss for dense object detection, ICCV 2017, equation 4.
Claim: helps dense detection; on long-tailed classification it is about level with cross-entropy (CIFAR-LT tables).

Reach for it when easy examples drown the hard ones, whatever their class; calibrate its probabilities.

``gamma`` is 2 in the paper, for detectors, where nearly all examples are easy background. For plain classification try
``focal:gamma=0.5`` beside it: the grids of Cui et al. (CVPR 2019) are .5, 1 and 2, and with few easy examples a large
gamma mostly slows training down.
"""

from longtail.losses import Focal
from longtail.part import part
from longtail.recipe import Recipe, Stage


def focal(base: Stage, *, gamma: float = 2.0) -> Recipe:
    """(1 - p_t) ** gamma times cross-entropy."""
    return Recipe("focal", (base.but(name="focal", loss=part(Focal, gamma=gamma)),))
