import softmax_family as reference

from longtail.testing.loss_traits import LossTraits

TRAITS = {
    "Seesaw": LossTraits(
        neutral={"p": 0.0, "q": 0.0},
        reference=reference.seesaw,
        soft=False,
        coupled=True,
        exempt={
            "gradient": "both factors are constants by definition, though their value depends on the logits"
        },
    )
}
