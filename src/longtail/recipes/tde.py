"""tde: a multi-head normalised classifier; at test the direction of the mean feature is taken out.

Paper: Tang et al., Long-tailed classification by keeping the good and removing the bad momentum causal effect, NeurIPS
2020.
Claim: CIFAR-10-LT 80.6 %, CIFAR-100-LT 44.1 % at imbalance 100, a ResNet-32 with two last blocks (the paper's figures;
without the removal 71.7 % and 40.5 %). One stage, nothing trained on top.
Measured: balanced accuracy, prior set, 5 folds: winequality-white .343 ± .060 (erm .321), reviews .364 ± .215 (erm
.941), mammography .885 ± .033 (erm .906). 2 cores of an Intel Xeon, longtail 0.1.0; docs/two-stage.md.

Those figures are with alpha 1.5; since then alpha is tuned on held-out rows, 0 included.

Reach for it when head classes pull every feature their way; its strength is set after training.
"""

from longtail.heads import Causal
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.surgery import RemoveMean, SwapHead


def tde(
    base: Stage, *, parts: int = 2, scale: float = 16.0, gamma: float = 0.03125, alpha: float | None = None
) -> Recipe:
    """Cross-entropy under a causal head, ``alpha`` of the mean direction removed at test; None tunes it on held-out rows
    (1.5, the paper's on CIFAR-100-LT, where there are none).
    """
    head = part(Causal, parts=parts, scale=scale, gamma=gamma, alpha=1.5 if alpha is None else alpha)
    stage = base.but(name="tde", surgery=(*base.surgery, part(SwapHead, head=head)))
    return Recipe("tde", (stage,), (part(RemoveMean, alpha=alpha),))
