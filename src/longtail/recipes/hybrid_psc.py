"""hybrid-psc: as hybrid-sc, with a learnt prototype a class to contrast with, in place of the batch.

Paper: Wang et al., Contrastive learning based hybrid networks for long-tailed image classification, CVPR 2021.
Claim: CIFAR-10-LT 78.8 %, 83.9 %, 90.1 % at imbalance 100, 50, 10, ResNet-32 (the paper's figures, by a reproduction's
report); memory that does not grow with the batch squared.

Reach for it when a batch holds too few examples of a class for pairs. The temperature is 0.1 on CIFAR-100-LT, 1 on
CIFAR-10-LT.

On tables, texts and embeddings the contrasted views are ours (``longtail.protocol.contrast_view``), not the paper's.

On CIFAR-LT the paper trains with batches of 512 and a learning rate of .5, as hybrid-sc; here they are the base stage's.
"""

from longtail.losses import PrototypicalSupCon
from longtail.objectives import Hybrid
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.hybrid_sc import hybrid_sc


def hybrid_psc(base: Stage, *, temperature: float = 0.1, dim: int = 128) -> Recipe:
    """hybrid-sc with prototypes."""
    contrast = part(PrototypicalSupCon, temperature=temperature)
    (stage,) = hybrid_sc(base).stages
    own = part(Hybrid, contrast=contrast, dim=dim, prototypes=True)
    return Recipe("hybrid-psc", (stage.but(name="hybrid-psc", objective=own),))
