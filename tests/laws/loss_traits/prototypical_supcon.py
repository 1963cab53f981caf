import embedding_family as reference
import torch

from longtail.testing.loss_traits import LossTraits


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    features = torch.randn(batch, 6, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (batch,), generator=generator)
    return features, labels, torch.randn(classes, 6, generator=generator, dtype=torch.float64)


ROWS = "the law permutes every input by sample, prototypes too; tested in tests/unit/losses"
TRAITS = {
    "PrototypicalSupCon": LossTraits(
        inputs=inputs,
        reference=reference.prototypical_supcon,
        soft=False,
        exempt={
            "neutral": "it trains features: no setting is cross-entropy",
            "batch order": ROWS,
            "batch independence": ROWS,
            "class order": ROWS,
            "ignore index": "leave unlabelled features out",
            "dense": "features are vectors",
        },
    )
}
