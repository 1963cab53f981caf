"""cost-sensitive: cross-entropy in which an error costs what its class costs; by default more, the rarer it is.

Paper: Elkan, The foundations of cost-sensitive learning, IJCAI 2001; with the class costs of Zhang et al., Bag of tricks
for long-tailed visual recognition, AAAI 2021: (n_min / n_j) ** gamma.
Claim: none of its own. With deferred weights CIFAR-10-LT 74.8 %, CIFAR-100-LT 41.6 % at imbalance 100, ResNet-32
(Zhang et al.).

Reach for it with ``costs``, in Python, where an error has a price by its class and features should be learnt for the dear
ones; ``gamma`` is how much of the balance is wanted. With gamma 1 and no costs it is weighted-ce.

``--costs`` is something else and works with every recipe: it changes decisions, not training. Probabilities under a
declared prior take this recipe's weights out again, so prices do not count twice.
"""

from longtail.losses import CrossEntropy
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.weights import cost_sensitive as class_costs


def cost_sensitive(base: Stage, *, gamma: float = 1.0, costs: tuple[float, ...] | None = None) -> Recipe:
    """Cross-entropy with weights ``costs``, one per class in class order; or with (n_min / n_j) ** gamma."""
    weight = part(class_costs, gamma=gamma) if costs is None else tuple(float(cost) for cost in costs)
    return Recipe(
        "cost-sensitive", (base.but(name="cost-sensitive", loss=part(CrossEntropy, weight=weight)),)
    )
