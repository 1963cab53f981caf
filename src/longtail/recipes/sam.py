"""sam: deferred re-weighting towards a flat minimum, where tail classes stay out of saddle points.

Paper: Rangwani et al., Escaping saddle points for effective generalization on class-imbalanced data, NeurIPS 2022.
Claim: re-weighted tail classes converge to saddle points; sharpness-aware steps lead out of them.

Reach for it when a re-weighted recipe over-fits the tail; each step costs two. ``Stage.sharpness`` goes with any recipe.
"""

from longtail.optim import SAM
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.drw import drw


def sam(base: Stage, *, rho: float = 0.05) -> Recipe:
    """drw, each gradient taken at the worst point within ``rho``."""
    return drw(base.but(sharpness=part(SAM, rho=rho))).but(name="sam")
