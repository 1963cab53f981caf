import embedding_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    features = torch.randn(batch, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (batch,), generator=generator)
    return features, labels, torch.randn(classes, 6, generator=generator, dtype=torch.float64)


ROWS = "the law permutes every input by sample, centroids too; tested in tests/unit/losses"
TRAITS = {
    "DiscriminativeCentroids": LossTraits(
        settings={"margin": 20.0},
        inputs=inputs,
        reference=reference.discriminative_centroids,
        soft=False,
        per_target=False,
        coupled=True,
        exempt={
            "neutral": "it trains features: no setting is cross-entropy",
            "batch order": ROWS,
            "class order": ROWS,
            "ignore index": "leave unlabelled features out",
            "dense": "features are vectors",
        },
    )
}
