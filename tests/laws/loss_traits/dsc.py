import overlap_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "DSC": LossTraits(
        settings={"alpha": 0.7},
        reference=reference.dsc,
        exempt={"neutral": "an overlap, not a likelihood: no setting is cross-entropy"},
    )
}
