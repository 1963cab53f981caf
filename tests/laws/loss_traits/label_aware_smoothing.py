import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "LabelAwareSmoothing": LossTraits(
        settings={"head": 0.4, "tail": 0.1},
        neutral={"head": 0.0, "tail": 0.0},
        reference=reference.label_aware_smoothing,
    )
}
