"""decoupled-joint: learn the features on a re-balanced stream, then the head anew on class-balanced batches.

Paper: Kang et al., Decoupling representation and classifier, ICLR 2020, section 5.2 (joint training under each sampling
strategy, and the same features decoupled from their head).
Claim: ImageNet-LT, ResNeXt-50, trained jointly: 44.4 % instance-balanced, 45.1 % class-balanced, 46.8 % square-root,
47.2 % progressively-balanced; the decoupled head on instance-balanced features 49.6 % (the paper's figures). So what
re-balanced batches give a joint training, they give its head: this recipe is the control that crt is compared with.
Shares progressive-sampling's stage.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .348 ± .071 (erm .321), reviews .939 ± .008 (erm
.941), mammography .898 ± .019 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it to see whether cRT's gain needs features of the data as they come: it is cRT's control.
"""

from typing import Any

from longtail.part import Part, part
from longtail.recipe import Recipe, Stage
from longtail.recipes.crt import crt
from longtail.samplers import Progressive


def decoupled_joint(
    base: Stage, *, stream: Part[Any] | None = None, share: float = 0.15, views: int = 0
) -> Recipe:
    """Joint training on ``stream`` (default progressively-balanced), then crt's head; on ``Shuffled`` it is crt."""
    joint = base.but(name="joint", streams=(stream or part(Progressive),))
    head = crt(base, share=share, views=views).stages[-1]
    return Recipe("decoupled-joint", (joint, head))
