"""hybrid-sc: features from supervised contrast on the data as they come, the head from balanced batches.

Paper: Wang et al., Contrastive learning based hybrid networks for long-tailed image classification, CVPR 2021.
Claim: CIFAR-10-LT 81.4 %, 85.4 %, 91.1 % at imbalance 100, 50, 10, ResNet-32 (the paper's figures, by a reproduction's
report).

Reach for it when features of the tail are poor and a batch holds several examples of most classes. Differs from the paper
in the views of rows of features (tables, embeddings), which it has not: there some features are exchanged.

On CIFAR-LT the paper trains with batches of 512 and a learning rate of .5 (weight decay 1e-4, x.1 after 120 and 160 of
200 epochs), as its reproduction reports. Batch and rate here are the base stage's: smaller batches hold no second
example of rare classes, whose only positive is then the other view.
"""

from longtail.augment import Views
from longtail.losses import SupCon
from longtail.objectives import Hybrid
from longtail.part import part
from longtail.protocol import contrast_view
from longtail.recipe import Recipe, Stage
from longtail.samplers import ClassBalanced


def hybrid_sc(base: Stage, *, temperature: float = 0.1, dim: int = 128) -> Recipe:
    """Two views; contrast on the first stream, cross-entropy on a class-balanced one, the weight a parabola."""
    view = contrast_view(base, blur=0.0)
    stage = base.but(
        name="hybrid-sc",
        streams=(*base.streams, part(ClassBalanced)),
        augment=part(Views, parts=(view, view)),
        objective=part(Hybrid, contrast=part(SupCon, temperature=temperature), dim=dim),
        mix=None,
    )
    return Recipe("hybrid-sc", (stage,))
