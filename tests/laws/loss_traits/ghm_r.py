import sigmoid_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    return tuple(torch.randn(2, batch, generator=generator, dtype=torch.float64) / 10)


TRAITS = {
    "GHMR": LossTraits(
        inputs=inputs,
        neutral={"bins": 1, "mu": 1e-12},
        neutral_is=lambda prediction, target: (prediction - target).abs(),
        reference=reference.ghm_r,
        coupled=True,
        exempt={
            "labels out of range": "regression has no labels",
            "class order": "regression has no classes",
            "soft labels": "regression has no labels",
            "ignore index": "regression has no labels; a mask does it, tested in tests/unit/losses",
        },
    )
}
