import embedding_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    features = torch.randn(batch, 2, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (batch,), generator=generator)
    return torch.nn.functional.normalize(features, dim=2), labels


TRAITS = {
    "SupCon": LossTraits(
        settings={"anchors": "first"},
        inputs=inputs,
        reference=reference.supcon,
        soft=False,
        coupled=True,
        exempt={
            "labels out of range": "labels are compared, not looked up: any number is a class",
            "neutral": "it trains features: no setting is cross-entropy",
            "class order": "the inputs are features; renaming labels is tested in tests/unit/losses",
            "ignore index": "an embedding is an item of every other's contrast: leave unlabelled ones out",
            "dense": "features are vectors",
            "soft labels": "the law makes them as wide as logits; tested in tests/unit/losses",
        },
    )
}
