"""lws: learnable weight scaling. Keep net and head, learn one scale a class on class-balanced batches.

Paper: Kang et al., Decoupling representation and classifier, ICLR 2020 (LWS).
Claim: ImageNet-LT 49.9 % (ResNeXt-50, the paper's figure), C numbers trained: the directions of the head are right, only
their sizes are not. Shares erm's stage.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .297 ± .017 (erm .321), reviews .941 ± .005 (erm
.941), mammography .892 ± .028 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it as crt, when the tail is too small to learn a head from: C numbers are learnt.

Differs from the authors' code: the backbone's BatchNorm statistics stay (``norm_stats=False``), so the scales train on
features computed once; theirs drift to the balanced stream, which ``shifted=True`` reproduces.
"""

from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.samplers import ClassBalanced
from longtail.surgery import AddScale


def lws(
    base: Stage, *, scale_bias: bool = True, share: float = 0.15, shifted: bool = False, views: int = 0
) -> Recipe:
    """erm, then scales of the logits (or, ``scale_bias=False``, of the logits less the bias) on a balanced stream."""
    scale = base.but(
        name="scale",
        epochs=base.share(share),
        surgery=(part(AddScale, scale_bias=scale_bias),),
        trains=("head.scale",),
        norm_stats=shifted,
        streams=(part(ClassBalanced),),
        augment=base.augment if shifted or views else None,
        views=views,
        mix=None,
    )
    return Recipe("lws", (*erm(base).stages, scale))
