"""bcl: a logit-adjusted cosine head beside a contrast in which each class weighs the same and is always there.

Paper: Zhu et al., Balanced contrastive learning for long-tailed visual recognition, CVPR 2022.
Claim: ImageNet-LT 57.2 % (57.8 % with RandAugment in all views), ResNeXt-50 (the authors' repository).

Reach for it when the backbone is trained from scratch and three passes a step are affordable. The weights of the two
losses and the temperature are those of ImageNet-LT.
"""

from longtail.augment import Views
from longtail.heads import Cosine
from longtail.losses import BalancedContrastive, LogitAdjusted
from longtail.objectives import BalancedContrast
from longtail.part import part
from longtail.protocol import contrast_view, strong_view
from longtail.recipe import Recipe, Stage
from longtail.surgery import SwapHead


def bcl(
    base: Stage, *, weight: float = 0.35, temperature: float = 0.07, scale: float = 30.0, dim: int = 128
) -> Recipe:
    """A strong view classified, two contrasted; prototypes made of the head's weights."""
    view = contrast_view(base, scale=0.08, blur=0.0)
    contrast = part(BalancedContrastive, temperature=temperature)
    stage = base.but(
        name="bcl",
        surgery=(*base.surgery, part(SwapHead, head=part(Cosine, scale=scale))),
        augment=part(Views, parts=(strong_view(base), view, view)),
        loss=part(LogitAdjusted),
        objective=part(BalancedContrast, contrast=contrast, weight=weight, dim=dim),
        mix=None,
    )
    return Recipe("bcl", (stage,))
