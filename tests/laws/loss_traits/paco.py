import embedding_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    features = torch.randn(batch, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (batch,), generator=generator)
    class_logits = torch.randn(batch, classes, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(features, dim=1), labels, class_logits


TRAITS = {
    "PaCo": LossTraits(
        settings={"gamma": 0.8},
        inputs=inputs,
        reference=reference.paco,
        soft=False,
        coupled=True,
        exempt={
            "neutral": "it trains features with its logits: no setting is cross-entropy",
            "class order": "the first input are features; tested in tests/unit/losses",
            "ignore index": "an embedding is an item of every other's contrast: leave unlabelled ones out",
            "dense": "features are vectors",
        },
    )
}
