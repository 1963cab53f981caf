"""cutmix: paste a box of one image into another; the label follows the area.

Paper: Yun et al., CutMix: regularization strategy to train strong classifiers with localizable features, ICCV 2019.
Claim: for balanced data (CIFAR-100, ImageNet); on long tails it is a part of other recipes (glmc).

Reach for it as mixup, on images whose parts say what they are.
"""

from longtail.mixing import CutMix
from longtail.part import part
from longtail.recipe import Recipe, Stage


def cutmix(base: Stage, *, alpha: float = 1.0) -> Recipe:
    """Cross-entropy on images with a pasted box, the area drawn from Beta(alpha, alpha) once a batch."""
    return Recipe("cutmix", (base.but(name="cutmix", mix=part(CutMix, alpha=alpha)),))
