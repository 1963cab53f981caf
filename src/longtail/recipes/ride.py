"""ride: experts on one trunk under margins, pushed apart; a router then stops after as many as an input needs.

Paper: Wang et al., Long-tailed recognition by routing diverse distribution-aware experts, ICLR 2021.
Claim: CIFAR-100-LT 48.6 % at imbalance 100 with three routed experts, a ResNet-32 whose last two stages are narrowed
(24-48) and there three times, images also turned by up to 15 degrees (the paper's figure).

Reach for it when prediction may cost a little more and accuracy on all groups matters: experts differ in what they miss.

Differs from the authors' code: the augmentation is the protocol's; distillation from six experts (49.0 %) is left out.
"""

from longtail.losses import RIDE
from longtail.objectives import Diverse, Routing
from longtail.part import part, switch
from longtail.recipe import Recipe, Stage
from longtail.schedule import Cosine
from longtail.surgery import AddExperts, AddRouters
from longtail.weights import effective_number


def ride(
    base: Stage,
    *,
    experts: int = 3,
    widths: tuple[int, ...] = (24, 48),
    defer: float = 0.8,
    diversity: float = -0.45,
    tail_softness: float = 0.05,
    beta: float = 0.9999,
    positive: float = 100.0,
    share: float = 0.025,
    routed: bool = True,
) -> Recipe:
    """Experts under LDAM's margin and a negative divergence, re-weighted from ``defer`` on; then the router alone."""
    loss = part(RIDE, diversity=diversity, scale=30.0)
    late = loss.but(weight=part(effective_number, beta=beta), tail_softness=tail_softness)
    together = base.but(
        name="experts",
        surgery=(*base.surgery, part(AddExperts, experts=experts, widths=widths)),
        loss=switch({0.0: loss, defer: late}),
        objective=part(Diverse),
        mix=None,
    )
    if not routed:
        return Recipe("ride", (together,))
    router = base.but(
        name="router",
        epochs=base.share(share),
        surgery=(part(AddRouters),),
        trains=("head.looks.*", "head.decide.*"),
        norm_stats=False,
        objective=part(Routing, positive=positive),
        optim=base.tune(lr_factor=0.1),
        schedule=part(Cosine),
        mix=None,
    )
    return Recipe("ride", (together, router))
