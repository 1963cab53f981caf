import overlap_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "Dice": LossTraits(
        reference=reference.dice,
        exempt={
            "neutral": "an overlap, not a likelihood: no setting is cross-entropy",
            "dense": "the positions of a sample are one region, not examples",
        },
    )
}
