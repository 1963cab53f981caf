"""ncl: three nets learn side by side under balanced softmax and from each other, on all and on the hardest classes.

Paper: Li et al., Nested collaborative learning for long-tailed visual recognition, CVPR 2022.
Claim: a single net of the three is better than one trained alone. Here without the paper's momentum contrast.

Reach for it when training may cost three nets and prediction must cost one.
"""

from longtail.objectives import NestedCollaborative
from longtail.part import part
from longtail.protocol import strong_view
from longtail.recipe import Recipe, Stage


def ncl(base: Stage, *, nets: int = 3, hard: float = 0.3, weight: float = 0.6) -> Recipe:
    """``nets`` nets on a strong view; the first one is kept."""
    own = part(NestedCollaborative, nets=nets, hard=hard, weight=weight)
    stage = base.but(name="ncl", augment=strong_view(base), objective=own, mix=None)
    return Recipe("ncl", (stage,))
