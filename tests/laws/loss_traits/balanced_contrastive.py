import embedding_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    features = torch.randn(batch, 1, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (batch,), generator=generator)
    centers = torch.randn(classes, 6, generator=generator, dtype=torch.float64)
    unit = torch.nn.functional.normalize
    return unit(features, dim=2), labels, unit(centers, dim=1)


ROWS = "the law permutes every input by sample, centres too; tested in tests/unit/losses"
TRAITS = {
    "BalancedContrastive": LossTraits(
        inputs=inputs,
        reference=reference.balanced_contrastive,
        soft=False,
        coupled=True,
        exempt={
            "neutral": "it trains features: no setting is cross-entropy",
            "batch order": ROWS,
            "class order": ROWS,
            "ignore index": "an embedding is an item of every other's contrast: leave unlabelled ones out",
            "dense": "features are vectors",
            "soft labels": "the law makes them as wide as logits; tested in tests/unit/losses",
        },
    )
}
