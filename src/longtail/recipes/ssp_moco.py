"""ssp-moco: first learn that two views of an example agree, without labels; then any recipe (here crt).

Paper: Yang and Xu, Rethinking the value of labels for improving class-imbalanced learning, NeurIPS 2020 (with MoCo-v2).
Claim: ImageNet-LT 45.6 % by cross-entropy after it, 51.3 % by crt, ResNet-50 (the paper's repository).

Reach for it where many rows are there and few are labelled well, and images have no upright. Also on rows of features,
whose views exchange some of them (SCARF). Its first stage is shared by whatever follows: ``ssp_moco(base, then=drw)``.
"""

from collections.abc import Callable

from longtail.augment import Views
from longtail.objectives import MomentumContrast
from longtail.part import part
from longtail.protocol import contrast_view
from longtail.recipe import Recipe, Stage
from longtail.recipes.crt import crt


def ssp_moco(
    base: Stage, *, then: Callable[[Stage], Recipe] = crt, share: float = 1.0, queue: int = 1024
) -> Recipe:
    """The backbone on two views for ``share`` of the epochs, then ``then`` with a fresh head."""
    view = contrast_view(base)
    first = base.but(
        name="moco",
        epochs=base.share(share),
        augment=part(Views, parts=(view, view)),
        objective=part(MomentumContrast, queue=queue),
        trains=("backbone.*",),
        mix=None,
    )
    return then(base).after(first).but(name="ssp-moco")
