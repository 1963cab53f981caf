"""combined: what leads the tables, in one stage: strong views, a logit-adjusted cosine head, balanced contrast, decay.

Paper: none; ours. Its parts are of Cubuk et al. (AutoAugment), DeVries and Taylor (Cutout), Menon et al. (logit
adjustment), Zhu et al. (balanced contrast), Alshammari et al. (weight decay) and Foret et al. (SAM).
Claim: none before it is measured.

Reach for it when the backbone is trained from scratch on images and its cost, three passes a step, is affordable. It is
bcl with more weight decay.

``combined:rho=0.05`` takes each gradient at the worst point nearby, at twice the cost; ``combined:ema=0.999`` keeps an
average of the weights. The first, under the modern protocol with a ResNet-32, is what ``benchmarks/on_gpu.sh`` will hold
against the aim of 54 % on CIFAR-100-LT and 86 % on CIFAR-10-LT at imbalance 100. It was named before any such run.
"""

from longtail.optim import EMA, SAM
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.bcl import bcl


def combined(base: Stage, *, decay_factor: float = 2.0, rho: float = 0.0, ema: float = 0.0) -> Recipe:
    """bcl, the base's weight decay times ``decay_factor``; SAM within ``rho`` and EMA by ``ema`` where above 0."""
    decay = dict(base.optim.kwargs).get("weight_decay", 0.0) * decay_factor
    (stage,) = bcl(base).stages
    stage = stage.but(name="combined", optim=base.tune(weight_decay=decay))
    if rho > 0:
        stage = stage.but(sharpness=part(SAM, rho=rho))
    if ema > 0:
        stage = stage.but(average=part(EMA, decay=ema))
    return Recipe("combined", (stage,))
