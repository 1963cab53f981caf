"""disalign: freeze the classifier, learn a gated affine correction of its logits under class weights.

Paper: Zhang et al., Distribution alignment: a unified framework for long-tail visual recognition, CVPR 2021.
Claim: ImageNet-LT 46.9 % to 52.4 % (ResNeXt-50, the paper's figures), 2 C + d + 1 numbers trained. Shares erm's stage.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .295 ± .016 (erm .321), reviews .941 ± .005 (erm
.941), mammography .892 ± .028 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Reach for it as crt, when the correction is to depend on the input.

Differs from the authors' code: the correction starts as the identity (the paper's form; ``form="released"`` is theirs),
and the backbone's BatchNorm statistics stay unless ``shifted``.
"""

from longtail.losses import GeneralizedReweighting
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.surgery import AddAlignment


def disalign(
    base: Stage,
    *,
    rho: float = 1.2,
    share: float = 0.1,
    form: str = "paper",
    shifted: bool = False,
    views: int = 0,
) -> Recipe:
    """erm, then the correction on the data as they come, weighted by n ** -rho, for ``share`` of the epochs."""
    align = base.but(
        name="align",
        epochs=base.share(share),
        surgery=(part(AddAlignment, form=form),),
        trains=("head.logit_*", "head.confidence.*"),
        norm_stats=shifted,
        augment=base.augment if shifted or views else None,
        views=views,
        mix=None,
        loss=part(GeneralizedReweighting, rho=rho),
    )
    return Recipe("disalign", (*erm(base).stages, align))
