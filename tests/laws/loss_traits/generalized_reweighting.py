import embedding_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "GeneralizedReweighting": LossTraits(
        neutral={"rho": 0.0},
        reference=reference.generalized_reweighting,
        exempt={"reductions": "its mean is over its own weights; tested in tests/unit/losses"},
    )
}
