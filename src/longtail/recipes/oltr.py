"""oltr: features enriched from a memory of class centroids, scaled by how near they are to any; rejects the unknown.

Paper: Liu et al., Large-scale long-tailed recognition in an open world, CVPR 2019.
Claim: ImageNet-LT with a ResNet-10: 44.2 %, 35.2 %, 17.5 % on many-, medium- and few-shot classes, open-set F-measure
.446 (the authors' figures). Shares erm's stage. ``longtail.metrics.open_set`` measures the last.
``longtail predict --reject-below .5`` (the paper: .1, of 1,000 classes) or ``--reject-rate .05`` rejects.

Reach for it when inputs of unknown classes come in: its features say how near they are to any known one.

Differs from the authors' code: no further layer between pooling and head, and the second stage follows the protocol's
schedule. A backbone without feature maps goes without the modulated attention.
"""

from longtail.losses import DiscriminativeCentroids
from longtail.objectives import Memorised
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.samplers import ClassAware
from longtail.surgery import AddAttention, AddMemory


def oltr(
    base: Stage, *, weight: float = 0.01, share: float = 1.0, lr_factor: float = 0.1, attention: bool = True
) -> Recipe:
    """erm; then everything on class-aware batches for ``share`` of the epochs (ImageNet-LT: 2), backbone and centroids at
    ``lr_factor`` of the rate.
    """
    memory = base.but(
        name="memory",
        epochs=base.share(share),
        surgery=(*((part(AddAttention),) if attention else ()), part(AddMemory)),
        streams=(part(ClassAware, k=4),),
        objective=part(Memorised, weight=weight, centroids=part(DiscriminativeCentroids)),
        optim=base.tune(lr_factor=lr_factor),
        lr_factors=(("head.centroids", 1.0), ("head.*", 1 / lr_factor)),
        mix=None,
    )
    return Recipe("oltr", (*erm(base).stages, memory))
