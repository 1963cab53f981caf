"""proco: as bcl, with the contrast against endlessly many members of each class in closed form.

Paper: Du et al., Probabilistic contrastive learning for long-tailed visual recognition, TPAMI 2024.
Claim: CIFAR-100-LT 52.8 %, 57.1 %, 65.5 % at imbalance 100, 50, 10, CIFAR-10-LT 85.9 %, 88.2 %, 91.9 %, ResNet-32 with
AutoAugment and Cutout (the authors' repository).

Reach for it in the place of bcl or paco when batches are small: it needs neither a large batch nor a queue.
"""

from longtail.augment import Views
from longtail.losses import LogitAdjusted
from longtail.objectives import ProbabilisticContrast
from longtail.part import part
from longtail.protocol import contrast_view, strong_view
from longtail.recipe import Recipe, Stage


def proco(base: Stage, *, weight: float = 1.0, temperature: float = 0.1, dim: int = 128) -> Recipe:
    """A strong view classified by a logit-adjusted linear head, two contrasted."""
    view = contrast_view(base, scale=0.08, blur=0.0)
    stage = base.but(
        name="proco",
        augment=part(Views, parts=(strong_view(base), view, view)),
        loss=part(LogitAdjusted),
        objective=part(ProbabilisticContrast, weight=weight, temperature=temperature, dim=dim),
        mix=None,
    )
    return Recipe("proco", (stage,))
