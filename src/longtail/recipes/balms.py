"""balms: erm, then a new head under balanced softmax, which also learns how often each class is drawn.

Paper: Ren et al., Balanced meta-softmax for long-tailed visual recognition, NeurIPS 2020.
Claim: with many classes of very different size, class-balanced draws over-correct balanced softmax; rates that are learnt
do not. Shares erm's stage.

Reach for it as crt, where balanced softmax alone leaves the rarest classes behind and drawing all classes alike too few
rows of the frequent ones.

Differs from the authors' code: see ``longtail.objectives.MetaSampled``; the second stage is not augmented, and BatchNorm
statistics stay (``norm_stats=False``).
"""

from longtail.losses import BalancedSoftmax
from longtail.objectives import MetaSampled
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.samplers import ClassBalanced
from longtail.surgery import ResetHead


def balms(base: Stage, *, rate: float = 0.01, inner: float = 0.1, share: float = 0.15) -> Recipe:
    """erm, then a fresh head for ``share`` of the epochs on rows that are drawn at learnt rates."""
    head = base.but(
        name="meta-sampled head",
        epochs=base.share(share),
        surgery=(part(ResetHead),),
        trains=("head.*",),
        norm_stats=False,
        streams=(base.streams[0], part(ClassBalanced)),
        augment=None,
        mix=None,
        loss=part(BalancedSoftmax),
        objective=part(MetaSampled, rate=rate, inner=inner),
    )
    return Recipe("balms", (*erm(base).stages, head))
