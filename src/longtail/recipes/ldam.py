"""ldam: larger margins for rarer classes, on cosines.

Paper: Cao et al., Learning imbalanced datasets with label-distribution-aware margin loss, NeurIPS 2019, equation 13.
Claim: CIFAR-10-LT 73.7 %, CIFAR-100-LT 38.9 % at imbalance 100, ResNet-32 (Zhang et al., AAAI 2021); the margin alone,
without deferred re-weighting (ldam-drw).
Measured: balanced accuracy, prior set, 5 folds: winequality-white .324 ± .055 (erm .321), reviews .933 ± .012 (erm
.941), mammography .894 ± .016 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it as the loss of ldam-drw alone, to see what the margin gives.
"""

from longtail.heads import Cosine
from longtail.losses import LDAM
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.surgery import SwapHead


def ldam(base: Stage, *, max_margin: float = 0.5, scale: float = 30.0) -> Recipe:
    """A cosine head under LDAM from the first epoch to the last."""
    stage = base.but(
        name="ldam",
        surgery=(*base.surgery, part(SwapHead, head=part(Cosine, scale=scale))),
        # The head scales the cosines already, so the loss takes the margin on that scale.
        loss=part(LDAM, max_margin=max_margin * scale, scale=1.0),
    )
    return Recipe("ldam", (stage,))
