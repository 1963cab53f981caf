"""cdt: a temperature per class on the logits during training, higher for rarer classes.

Paper: Ye et al., Identifying and compensating for feature deviation in imbalanced deep learning, arXiv:2001.01385.
Claim: CIFAR-10-LT 77.1 %, CIFAR-100-LT 39.6 % at imbalance 100, ResNet-32 (Zhang et al., AAAI 2021).

Reach for it as vs-loss, of which it is the multiplicative half: features of rare classes drift between training and test.
``gamma`` is to be tuned; at 0 it is erm.
"""

from longtail.losses import CDT
from longtail.part import part
from longtail.recipe import Recipe, Stage


def cdt(base: Stage, *, gamma: float = 0.2) -> Recipe:
    """Cross-entropy of logits divided by (n_max / n_j) ** gamma; the test takes them as they are."""
    return Recipe("cdt", (base.but(name="cdt", loss=part(CDT, gamma=gamma)),))
