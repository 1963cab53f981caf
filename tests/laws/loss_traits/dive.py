import embedding_family as reference
import torch

from longtail.testing.loss_traits import LossTraits, softmax_inputs


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    # Whole numbers, so that the laws, which differentiate every float, leave the teacher alone.
    teacher = torch.randint(-4, 5, (batch, classes), generator=generator)
    return *softmax_inputs(generator, batch, classes), teacher


TRAITS = {
    "DiVE": LossTraits(
        settings={"power": 0.5},
        neutral={"alpha": 0.0},
        inputs=inputs,
        reference=reference.dive,
        exempt={
            "class order": "the law leaves the teacher's columns; tested in tests/unit/losses",
        },
    )
}
