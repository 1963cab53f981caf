import embedding_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    experts = 2 * torch.randn(batch, 3, classes, generator=generator, dtype=torch.float64)
    return experts, torch.randint(classes, (batch,), generator=generator)


def sum_of_cross_entropies(experts: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    each = torch.nn.functional.cross_entropy
    return sum(each(experts[:, k], target, reduction="none") for k in range(experts.shape[1]))  # type: ignore[return-value]


WEIGHT = "the weight is the cross-entropies' alone, not the diversity's; tested in tests/unit/losses"
TRAITS = {
    "RIDE": LossTraits(
        settings={"tail_softness": 0.2, "scale": 3.0},
        neutral={"diversity": 0.0, "max_margin": 0.0},
        neutral_is=sum_of_cross_entropies,
        inputs=inputs,
        reference=reference.ride,
        soft=False,
        exempt={
            "reductions": WEIGHT,
            "weight is a factor": WEIGHT,
            "gradient": "the experts' mean is a constant by definition",
            "class order": "the second dimension are experts; tested in tests/unit/losses",
            "soft labels": "the law makes them as wide as logits; tested in tests/unit/losses",
            "dense": "expert logits are [B, K, C]",
        },
    )
}
