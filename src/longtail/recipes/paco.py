"""paco: supervised contrast with a queue of keys and a learnt centre a class, which carries the prior.

Paper: Cui et al., Parametric contrastive learning, ICCV 2021.
Claim: ImageNet-LT 58.5 % in its later form (GPaCo, ResNet-50, 400 epochs, the authors' repository); contrast without the
bias to head classes that plain supervised contrast has.

Reach for it for long training from scratch: it learns slowly, and gains with epochs. alpha, temperature, queue and dim
are those of CIFAR-100-LT; the queue should hold several examples of most classes.
"""

from longtail.augment import Views
from longtail.losses import PaCo
from longtail.objectives import ParametricContrast
from longtail.part import part
from longtail.protocol import contrast_view, strong_view
from longtail.recipe import Recipe, Stage


def paco(
    base: Stage, *, alpha: float = 0.01, temperature: float = 0.05, queue: int = 1024, dim: int = 32
) -> Recipe:
    """A strong view against a contrasted one, a queue, and the head's logits as centres."""
    stage = base.but(
        name="paco",
        augment=part(Views, parts=(strong_view(base), contrast_view(base))),
        loss=part(PaCo, alpha=alpha, temperature=temperature),
        objective=part(ParametricContrast, queue=queue, dim=dim),
        mix=None,
    )
    return Recipe("paco", (stage,))
