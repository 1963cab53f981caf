import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "SigmoidFocal": LossTraits(
        settings={"gamma": 0.5, "alpha": 0.3},
        neutral={"gamma": 0.0, "alpha": None},
        neutral_is=reference.plain,
        reference=reference.focal,
    )
}
