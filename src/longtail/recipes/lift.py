"""lift: a cosine head that starts at the class means, under the logit-adjusted loss; a pre-trained encoder moves little.

Paper: Shi et al., Long-tail learning with foundation model: heavy fine-tuning hurts, ICML 2024.
Claim: with a foundation model, few trained parameters beat full fine-tuning on the tail. Its logits assume the balanced
prior. With ``tune=frozen`` only the head learns, with ``tune=lora`` the adapters too; without a pre-trained encoder the
means are those of random features, and the recipe is a cosine head under a balanced loss.

Reach for it with a pre-trained encoder and few rows: little is trained, and the head starts at the class means.

Differs from the authors' code: class means start the head (theirs for encoders without text), LoRA is the adapter
(theirs: AdaptFormer by default), and no five crops at test.
"""

from longtail.losses import LogitAdjusted
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.surgery import CosineMeans


def lift(base: Stage, *, scale: float = 25.0, tau: float = 1.0) -> Recipe:
    """One stage from class means; what trains is the protocol's choice."""
    stage = base.but(
        name="lift",
        surgery=(*base.surgery, part(CosineMeans, scale=scale)),
        loss=part(LogitAdjusted, tau=tau),
    )
    return Recipe("lift", (stage,))
