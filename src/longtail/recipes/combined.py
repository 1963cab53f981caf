"""combined: what leads the tables, in one stage: strong views, a logit-adjusted cosine head, balanced contrast, decay.

Paper: none; ours. Its parts are of Cubuk et al. (AutoAugment), DeVries and Taylor (Cutout), Menon et al. (logit
adjustment), Zhu et al. (balanced contrast) and Alshammari et al. (weight decay).
Claim: none before it is measured.

Reach for it when the backbone is trained from scratch on images and its cost, three passes a step, is affordable. It is
bcl with more weight decay.
"""

from longtail.recipe import Recipe, Stage
from longtail.recipes.bcl import bcl


def combined(base: Stage, *, decay_factor: float = 2.0) -> Recipe:
    """bcl, the base's weight decay times ``decay_factor``."""
    decay = dict(base.optim.kwargs).get("weight_decay", 0.0) * decay_factor
    (stage,) = bcl(base).stages
    return Recipe("combined", (stage.but(name="combined", optim=base.tune(weight_decay=decay)),))
