import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "DistributionBalanced": LossTraits(
        settings={"mu": 0.3, "kappa": 0.2, "normalizer": "batch"},
        neutral={"rebalance": False, "kappa": 0.0, "negative_scale": 1.0, "gamma": 0.0, "factor": 1.0},
        neutral_is=reference.plain,
        reference=reference.distribution_balanced,
    )
}
