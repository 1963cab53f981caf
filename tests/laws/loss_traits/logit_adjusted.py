import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "LogitAdjusted": LossTraits(settings={"tau": 1.3}, neutral={"tau": 0.0}, reference=reference.shifted)
}
