import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "EQLv2": LossTraits(
        neutral={"alpha": 0.0, "gamma": 100.0},  # at the start the ratio is 100: a weight of 1
        neutral_is=reference.plain,
        reference=reference.eql_v2,
    )
}
