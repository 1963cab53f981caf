"""leap: features of narrow classes are spread into clouds as wide as those of the others.

Paper: Liu et al., Deep representation learning on long-tailed data: a learnable embedding augmentation perspective, CVPR
2020.
Claim: made for re-identification of persons and faces; the paper has no figure for a classification benchmark of ours.

Reach for it when rare classes have few, alike examples and the frequent ones vary.

Differs from the paper, which came without code: features are turned, not the angle inside an ArcFace loss, and without a
margin; ``head=None`` is its flexible form, a number parts head from tail.
"""

from longtail.augment import FeatureCloud
from longtail.heads import Cosine
from longtail.objectives import Clouded
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.surgery import SwapHead


def leap(base: Stage, *, head: int | None = None, scale: float = 30.0, start: float = 0.2) -> Recipe:
    """A cosine head under cross-entropy; clouds from ``start`` of the epochs on."""
    stage = base.but(
        name="leap",
        surgery=(*base.surgery, part(SwapHead, head=part(Cosine, scale=scale))),
        objective=part(Clouded, cloud=part(FeatureCloud, head=head), start=start),
        mix=None,
    )
    return Recipe("leap", (stage,))
