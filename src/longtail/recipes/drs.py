"""drs: the data as they come first, class-balanced batches late in training.

Paper: Cao et al., Learning imbalanced datasets with label-distribution-aware margin loss, NeurIPS 2019, section 3.3 (as a
variant of deferred re-weighting).
Claim: CIFAR-10-LT 75.1 %, CIFAR-100-LT 40.6 % at imbalance 100, ResNet-32 (Zhang et al., AAAI 2021).
Measured: balanced accuracy, prior set, 5 folds: winequality-white .297 ± .070 (erm .321), reviews .942 ± .004 (erm
.941), mammography .881 ± .044 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it as drw, by sampling.
"""

from longtail.part import part, switch
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassBalanced, Shuffled


def drs(base: Stage, *, defer: float = 0.8) -> Recipe:
    """Cross-entropy; on a class-balanced stream from ``defer`` of the epochs on."""
    stage = base.but(name="drs", streams=(switch({0.0: part(Shuffled), defer: part(ClassBalanced)}),))
    return Recipe("drs", (stage,))
