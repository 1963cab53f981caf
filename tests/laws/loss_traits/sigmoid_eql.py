import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "SigmoidEQL": LossTraits(
        settings={"threshold": 0.2},
        neutral={"threshold": 0.0},
        neutral_is=reference.plain,
        reference=reference.eql,
    )
}
