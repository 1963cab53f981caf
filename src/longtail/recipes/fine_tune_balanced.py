"""fine-tune-balanced: the whole net goes on at a small learning rate on class-balanced batches.

Paper: Cui et al., Large scale fine-grained categorization and domain-specific transfer learning, CVPR 2018.
Claim: features of the long tail, a head for the balanced test; the small rate keeps the first while the second moves.
Shares erm's stage.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .298 ± .087 (erm .321), reviews .943 ± .004 (erm
.941), mammography .882 ± .043 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it when all of the net may move to balanced batches at a small rate.

Differs from the paper in the data: there a balanced subset, here all examples, the rare ones more often.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.samplers import ClassBalanced


def fine_tune_balanced(base: Stage, *, share: float = 0.2, lr_factor: float = 0.1) -> Recipe:
    """erm, then all parameters on a class-balanced stream for ``share`` of the epochs at ``lr_factor`` of the rate."""
    late = base.but(
        name="fine-tune",
        epochs=base.share(share),
        surgery=(),
        streams=(part(ClassBalanced),),
        mix=None,
        optim=base.tune(lr_factor=lr_factor),
    )
    return Recipe("fine-tune-balanced", (*erm(base).stages, late))
