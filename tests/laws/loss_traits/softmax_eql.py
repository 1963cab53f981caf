import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "SoftmaxEQL": LossTraits(
        settings={"gamma": 1.0, "threshold": 0.2},
        neutral={"threshold": 0.0},
        reference=reference.softmax_eql,
        soft=False,
    )
}
