"""crt: classifier re-training. Keep the backbone, learn a new head on class-balanced batches.

Paper: Kang et al., Decoupling representation and classifier, ICLR 2020, section 4.2.
Claim: instance-balanced features are good; only the head needs re-balancing. Shares erm's stage.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .358 ± .060 (erm .321), reviews .939 ± .009 (erm
.941), mammography .901 ± .028 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it when features are good and the head is biased, which is the usual case; a head trains in seconds.

Differs from the authors' code: the backbone's BatchNorm statistics stay (``norm_stats=False``), so the head trains on
features computed once; theirs drift to the balanced stream, which ``shifted=True`` reproduces.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.samplers import ClassBalanced
from longtail.surgery import ResetHead


def crt(base: Stage, *, share: float = 0.15, shifted: bool = False, views: int = 0) -> Recipe:
    """erm, then a fresh head on a class-balanced stream for ``share`` of the epochs."""
    head = base.but(
        name="head",
        epochs=base.share(share),
        surgery=(part(ResetHead),),
        trains=("head.*",),
        norm_stats=shifted,
        streams=(part(ClassBalanced),),
        augment=base.augment if shifted or views else None,
        views=views,
        mix=None,
    )
    return Recipe("crt", (*erm(base).stages, head))
