import sigmoid_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    logits = 2 * torch.randn(batch, 2, generator=generator, dtype=torch.float64)
    return logits, torch.randint(2, (batch,), generator=generator)


TWO = "the law's five classes; two are tested in tests/unit/losses"
TRAITS = {
    "BinaryVS": LossTraits(
        settings={"counts": (50, 3), "scale": 1.5},
        inputs=inputs,
        neutral={"gamma": 0.0, "tau": 0.0, "scale": 1.0},
        reference=reference.binary_vs,
        soft=False,
        exempt={
            "class order": TWO,
            "reductions": TWO,
            "weight is a factor": TWO,
            "dense": "one question a row: flatten dense ones",
        },
    )
}
