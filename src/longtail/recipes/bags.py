"""bags: a new head whose classes compete only with classes of similar size.

Paper: Li et al., Overcoming classifier imbalance for long-tail object detection with balanced group softmax, CVPR 2020.
Claim: LVIS v0.5 box AP 21.0 to 26.0 (Faster R-CNN, ResNet-50; the paper's figures). Shares erm's stage.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .283 ± .039 (erm .321), reviews .942 ± .005 (erm
.941), mammography .889 ± .027 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it when classes are very many and their sizes differ by orders of magnitude.

Differs from the paper in the task: there a detector's last layer, with a group for background; here a classifier's.
"""

from longtail.heads import Grouped
from longtail.losses import BalancedGroupSoftmax
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.surgery import SwapHead


def bags(
    base: Stage,
    *,
    edges: tuple[int, ...] = (10, 100, 1000),
    others_ratio: float = 8.0,
    share: float = 0.15,
    shifted: bool = False,
    views: int = 0,
) -> Recipe:
    """erm, then a grouped head on the data as they come; ``edges`` are the class sizes that part the groups."""
    head = base.but(
        name="groups",
        epochs=base.share(share),
        surgery=(part(SwapHead, head=part(Grouped, edges=edges)),),
        trains=("head.*",),
        norm_stats=shifted,
        augment=base.augment if shifted or views else None,
        views=views,
        mix=None,
        loss=part(BalancedGroupSoftmax, edges=edges, others_ratio=others_ratio),
    )
    return Recipe("bags", (*erm(base).stages, head))
