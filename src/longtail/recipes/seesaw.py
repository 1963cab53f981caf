"""seesaw: frequent classes push rarer ones down less, unless they are mistaken for them.

Paper: Wang et al., Seesaw loss for long-tailed instance segmentation, CVPR 2021.
Claim: made for detection, where it counts the labels as they come; here with one output a class.

Reach for it when counts are not known in advance.
"""

from longtail.losses import Seesaw
from longtail.part import part
from longtail.recipe import Recipe, Stage


def seesaw(base: Stage, *, p: float = 0.8, q: float = 2.0) -> Recipe:
    """Cross-entropy of logits shifted by a mitigation (power p) and a compensation (power q)."""
    return Recipe("seesaw", (base.but(name="seesaw", loss=part(Seesaw, p=p, q=q)),))
