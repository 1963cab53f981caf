import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "ASL": LossTraits(
        settings={"gamma_neg": 3.0, "gamma_pos": 0.5, "clip": 0.1},
        neutral={"gamma_neg": 0.0, "gamma_pos": 0.0, "clip": 0.0},
        neutral_is=reference.plain,
        reference=reference.asl,
    )
}
