"""ncl-contrast: ncl, each of whose nets also learns that two views of an example agree.

Paper: Li et al., Nested collaborative learning for long-tailed visual recognition, CVPR 2022, with its contrastive part
(MoCo).
Claim: the features of rare classes gain from a part of the loss that asks for no label. ncl is the same without it.

Reach for it as ncl, on images above all; training costs three nets that learn and three slow copies, prediction one.
Rows of features get SCARF's views, which exchange some of them.
"""

from longtail.augment import Views
from longtail.objectives import NestedContrast
from longtail.part import part
from longtail.protocol import contrast_view, strong_view
from longtail.recipe import Recipe, Stage


def ncl_contrast(
    base: Stage,
    *,
    nets: int = 3,
    hard: float = 0.3,
    mutual: float = 0.6,
    weight: float = 1.0,
    queue: int = 1024,
) -> Recipe:
    """``nets`` nets on a strong view, their contrast with SimCLR's; the first one is kept."""
    own = part(NestedContrast, nets=nets, hard=hard, mutual=mutual, weight=weight, queue=queue)
    views = part(Views, parts=(strong_view(base), contrast_view(base)))
    stage = base.but(name="ncl-contrast", augment=views, objective=own, mix=None)
    return Recipe("ncl-contrast", (stage,))
