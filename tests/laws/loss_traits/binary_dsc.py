import overlap_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    logits = 2 * torch.randn(batch, generator=generator, dtype=torch.float64)
    return logits, torch.randint(2, (batch,), generator=generator)


TRAITS = {
    "BinaryDSC": LossTraits(
        settings={"alpha": 0.7},
        inputs=inputs,
        reference=reference.binary,
        exempt={
            "neutral": "an overlap, not a likelihood: no setting is cross-entropy",
            "class order": "there is one class",
            "soft labels": "targets are 0 to 1 as they are; tested in tests/unit/losses",
            "ignore index": "a mask does it, tested in tests/unit/losses",
        },
    )
}
