import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "Focal": LossTraits(
        settings={"gamma": 0.5},
        neutral={"gamma": 0.0},
        reference=reference.focal,
    )
}
