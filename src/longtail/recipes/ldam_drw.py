"""ldam-drw: larger margins for rarer classes, and re-weighting only late in training.

Paper: Cao et al., Learning imbalanced datasets with label-distribution-aware margin loss, NeurIPS 2019, equation 13.
Claim: CIFAR-10-LT 77.0 %, CIFAR-100-LT 42.0 % at imbalance 100, ResNet-32 (the paper's own figures).
Measured: balanced accuracy, prior set, 5 folds: winequality-white .315 ± .067 (erm .321), reviews .937 ± .008 (erm
.941), mammography .894 ± .019 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it when classes have very few examples and the head can be a normalised one.
"""

from longtail.heads import Cosine
from longtail.losses import LDAM
from longtail.part import part, switch
from longtail.recipe import Recipe, Stage
from longtail.surgery import SwapHead
from longtail.weights import effective_number


def ldam_drw(
    base: Stage, *, defer: float = 0.8, max_margin: float = 0.5, scale: float = 30.0, beta: float = 0.9999
) -> Recipe:
    """A cosine head under LDAM; class weights by effective number from ``defer`` of the epochs on."""
    # The head scales the cosines already, so the loss takes the margin on that scale.
    margin = part(LDAM, max_margin=max_margin * scale, scale=1.0)
    late = margin.but(weight=part(effective_number, beta=beta))
    stage = base.but(
        name="ldam-drw",
        surgery=(*base.surgery, part(SwapHead, head=part(Cosine, scale=scale))),
        loss=switch({0.0: margin, defer: late}),
    )
    return Recipe("ldam-drw", (stage,))
