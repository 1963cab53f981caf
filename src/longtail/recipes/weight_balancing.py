"""weight-balancing: strong weight decay for the features, then the head again under class weights, decay and MaxNorm.

Paper: Alshammari et al., Long-tailed recognition via weight balancing, CVPR 2022.
Claim: CIFAR-100-LT at imbalance 100: about 39 % plain, 46 % by the stronger weight decay alone, above 52 % with the
second stage (the authors' repository; a ResNet-34, 320 epochs in their code).

Reach for it as crt, where frequent classes have longer weight vectors in the head than rare ones. ``decay`` is to be
tuned: it is most of the gain there, and too much of it leaves nothing learnt.

Differs from the authors' code: the first stage's decay is a multiple of the base's (theirs 5e-3, ten times the usual);
the second stage's loss is class-weighted cross-entropy, where theirs is binary cross-entropy of the softmax, averaged
over the classes too, so that the head's decay weighs about C times less here; BatchNorm statistics stay
(``norm_stats=False``), so the head trains on features computed once. On ready-made features the first stage is solved,
with a penalty of the solver's own choice in place of ``decay``.
"""

from longtail.losses import CrossEntropy
from longtail.optim import MaxNorm
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.schedule import Cosine
from longtail.weights import effective_number


def weight_balancing(
    base: Stage,
    *,
    decay: float = 10.0,
    lr_factor: float = 0.1,
    head_decay: float = 0.1,
    spread: float = 0.1,
    beta: float = 0.9999,
    share: float = 0.05,
) -> Recipe:
    """Plain training at ``decay`` times the base's weight decay and ``lr_factor`` of its rate; then ``balanced_head``."""
    features = base.but(
        name="features",
        optim=base.tune(lr_factor=lr_factor, weight_decay=decay * base.optim["weight_decay"]),
    )
    head = balanced_head(base, lr_factor=lr_factor, decay=head_decay, spread=spread, beta=beta, share=share)
    return Recipe("weight-balancing", (features, head))


def balanced_head(
    base: Stage, *, lr_factor: float, decay: float, spread: float, beta: float, share: float
) -> Stage:
    """The head that is there goes on for ``share`` of the epochs under class weights, decay and MaxNorm."""
    return base.but(
        name="max-norm",
        epochs=base.share(share),
        surgery=(),
        trains=("head.*",),
        norm_stats=False,
        augment=None,
        mix=None,
        loss=part(CrossEntropy, weight=part(effective_number, beta=beta)),
        optim=base.tune(lr_factor=lr_factor, weight_decay=decay),
        schedule=part(Cosine),
        projection=part(MaxNorm, spread=spread),
    )
