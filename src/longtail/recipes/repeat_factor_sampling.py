"""repeat-factor-sampling: each row once, rows of rare classes more often, by the square root of how rare they are.

Paper: Gupta, Dollar and Girshick, LVIS: a dataset for large vocabulary instance segmentation, CVPR 2019, section 4; after
Mahajan et al., ECCV 2018.
Claim: made for detection (LVIS v1, Mask R-CNN R50: mask AP 16.1 to 22.2; Tan et al., CVPR 2021).

Reach for it where no row may be left out of an epoch: frequent classes stay whole, which class-balanced sampling does not
promise.

``threshold`` is the share below which a class is repeated. LVIS sets .001; here it is one over the number of classes,
.0008 for LVIS, so that classes rarer than the average one are.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.samplers import RepeatFactor


def repeat_factor_sampling(base: Stage, *, threshold: float | None = None) -> Recipe:
    """Cross-entropy on a stream in which a row comes max(1, sqrt(threshold / share of its class)) times."""
    stage = base.but(name="repeat-factor", streams=(part(RepeatFactor, threshold=threshold),))
    return Recipe("repeat-factor-sampling", (stage,))
