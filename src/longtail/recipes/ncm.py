"""ncm: throw the head away and take the nearest class mean of the training features.

Paper: Kang et al., Decoupling representation and classifier, ICLR 2020 (NCM).
Claim: ImageNet-LT 47.3 %, few-shot classes 28.1 % where the trained head has 7.7 % (ResNeXt-50, the paper's figures);
a mean has no norm that grows with the class. No training beyond erm; shares erm's stage.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .371 ± .086 (erm .321), reviews .926 ± .003 (erm
.941), mammography .877 ± .028 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it when classes are many, or come in after training: it needs means only.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.surgery import ClassMeans


def ncm(base: Stage, *, transform: str = "centre_l2", distance: str = "l2") -> Recipe:
    """erm, then class means as the head."""
    return erm(base).but(name="ncm", finish=(part(ClassMeans, transform=transform, distance=distance),))
