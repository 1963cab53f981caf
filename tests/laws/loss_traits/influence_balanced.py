import softmax_family as reference
import torch

from longtail.testing.loss_traits import LossTraits, softmax_inputs


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    features = torch.randn(batch, 6, generator=generator, dtype=torch.float64).abs() + 0.1
    return *softmax_inputs(generator, batch, classes), features


TRAITS = {
    "InfluenceBalanced": LossTraits(
        inputs=inputs,
        reference=reference.influence_balanced,
        soft=False,
        exempt={
            "neutral": "the loss is divided by 1 - p_y for every alpha and eps: no setting is cross-entropy"
        },
    )
}
