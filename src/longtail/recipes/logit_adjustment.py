"""logit-adjustment: train as usual, take the prior out of the logits afterwards.

Paper: Menon et al., Long-tail learning via logit adjustment, ICLR 2021, section 4.1 (post-hoc).
Claim: balanced accuracy with no training beyond erm; shares erm's stage.

Reach for it when a model is trained already: it costs nothing.
"""

from longtail.adjust import PriorShift
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm


def logit_adjustment(base: Stage, *, tau: float = 1.0) -> Recipe:
    """erm, then logits - tau log prior."""
    return erm(base).but(
        name="logit-adjustment", finish=(part(PriorShift, to="balanced", tau=tau, unseen="rarest"),)
    )
