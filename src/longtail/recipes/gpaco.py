"""gpaco: paco without a momentum encoder; both views are anchors, and one net encodes them.

Paper: Cui et al., Generalized parametric contrastive learning, TPAMI 2023.
Claim: ImageNet-LT 58.5 %, ResNet-50, 400 epochs; iNaturalist 2018 75.4 % (the authors' repository).

Reach for it as paco: simpler, and one net in memory; a step costs about the same. alpha, temperature, queue and dim are
those of the authors' script for CIFAR-100-LT.

On tables, texts and embeddings the contrasted views are ours (``longtail.protocol.contrast_view``), not the paper's.
"""

from longtail.augment import Views
from longtail.losses import PaCo
from longtail.objectives import GeneralisedContrast
from longtail.part import part
from longtail.protocol import contrast_view, strong_view
from longtail.recipe import Recipe, Stage


def gpaco(
    base: Stage, *, alpha: float = 0.01, temperature: float = 0.05, queue: int = 1024, dim: int = 32
) -> Recipe:
    """A strong view and a contrasted one, each an anchor, a queue, and the head's logits as centres."""
    stage = base.but(
        name="gpaco",
        augment=part(Views, parts=(strong_view(base), contrast_view(base))),
        loss=part(PaCo, alpha=alpha, temperature=temperature),
        objective=part(GeneralisedContrast, queue=queue, dim=dim),
        mix=None,
    )
    return Recipe("gpaco", (stage,))
