import sigmoid_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "GHMC": LossTraits(
        settings={"bins": 10},
        neutral={"bins": 1},
        neutral_is=reference.plain,
        reference=reference.ghm_c,
        coupled=True,
    )
}
