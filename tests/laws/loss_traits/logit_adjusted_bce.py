import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "LogitAdjustedBCE": LossTraits(
        settings={"tau": 0.7},
        neutral={"tau": 0.0},
        neutral_is=reference.plain,
        reference=reference.logit_adjusted_bce,
    )
}
