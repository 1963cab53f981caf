"""progressive-sampling: as the data come at the start of training, class-balanced at its end.

Paper: Kang et al., Decoupling representation and classifier, ICLR 2020, equation 2.
Claim: ahead of class-balanced and instance-balanced sampling when the net is trained jointly (ImageNet-LT, ResNeXt-50:
47.2 %, class-balanced 45.1 %, instance-balanced 44.4 %; the paper's figures).

Reach for it when one stage is to do what crt does in two.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.samplers import Progressive


def progressive_sampling(base: Stage) -> Recipe:
    """Cross-entropy on a stream that moves from the training prior to the balanced one."""
    stage = base.but(name="progressive", streams=(part(Progressive),))
    return Recipe("progressive-sampling", (stage,))
