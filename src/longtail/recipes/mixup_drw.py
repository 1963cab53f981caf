"""mixup-drw: mixup, and class weights late in training.

Paper: Cheng et al., MAMix: margin-aware mixup (NTU imbalanced-DL library, 2022), as its baseline; mixup is Zhang et al.,
ICLR 2018, deferred re-weighting Cao et al., NeurIPS 2019.
Claim: CIFAR-10-LT 82.1 %, CIFAR-100-LT 46.9 % at imbalance 100, ResNet-32 (the library's figures; CIFAR-100 with 300
epochs).

Reach for it where mixup and drw both help: the one keeps the features from over-fitting, the other mends the head.
"""

from longtail.losses import CrossEntropy
from longtail.part import part, switch
from longtail.recipe import Recipe, Stage
from longtail.recipes.mixup import mixup
from longtail.weights import effective_number


def mixup_drw(base: Stage, *, alpha: float = 1.0, defer: float = 0.8, beta: float = 0.9999) -> Recipe:
    """mixup's cross-entropy; weighted by effective number from ``defer`` of the epochs on."""
    return deferred(mixup(base, alpha=alpha), "mixup-drw", defer, beta)


def deferred(recipe: Recipe, name: str, defer: float, beta: float) -> Recipe:
    """A recipe of one mixed stage, its late losses averaged over the batch as the library's are."""
    late = part(CrossEntropy, weight=part(effective_number, beta=beta), normalizer="batch")
    stage = recipe.stages[0].but(name=name, loss=switch({0.0: part(CrossEntropy), defer: late}))
    return Recipe(name, (stage,))
