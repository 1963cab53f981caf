"""drw: plain cross-entropy first, class weights late in training.

Paper: Cao et al., Learning imbalanced datasets with label-distribution-aware margin loss, NeurIPS 2019, algorithm 1.
Claim: CIFAR-10-LT 74.6 %, CIFAR-100-LT 39.2 % at imbalance 100, ResNet-32 (Zhang et al., AAAI 2021): features learn
better without weights, and the head has time enough at the end.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .317 ± .069 (erm .321), reviews .943 ± .004 (erm
.941), mammography .890 ± .033 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it when class weights hurt the features: they come in late.
"""

from longtail.losses import CrossEntropy
from longtail.part import part, switch
from longtail.recipe import Recipe, Stage
from longtail.weights import effective_number


def drw(base: Stage, *, defer: float = 0.8, beta: float = 0.9999) -> Recipe:
    """Cross-entropy; weighted by effective number from ``defer`` of the epochs on."""
    late = part(CrossEntropy, weight=part(effective_number, beta=beta))
    stage = base.but(name="drw", loss=switch({0.0: part(CrossEntropy), defer: late}))
    return Recipe("drw", (stage,))
