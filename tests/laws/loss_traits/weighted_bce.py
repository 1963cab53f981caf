import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "WeightedBCE": LossTraits(
        settings={"positive_weight": 2.5},
        neutral={"positive_weight": 1.0},
        neutral_is=reference.plain,
        reference=reference.weighted_bce,
    )
}
