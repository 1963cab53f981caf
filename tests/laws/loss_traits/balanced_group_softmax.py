import embedding_family as reference
import torch

from longtail.testing.loss_traits import COUNTS, LossTraits

EDGES = (3, 20)


def inputs(generator: torch.Generator, batch: int, classes: int) -> tuple[torch.Tensor, ...]:
    logits = 2 * torch.randn(batch, classes + len(EDGES) + 1, generator=generator, dtype=torch.float64)
    return logits, torch.randint(classes, (batch,), generator=generator)


def all_others(module: torch.nn.Module, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    module.counts, module.edges = COUNTS, EDGES
    each = reference.balanced_group_softmax(module, logits, target)
    return each  # B * (1 / B) of each group's mean over all B samples


TRAITS = {
    "BalancedGroupSoftmax": LossTraits(
        settings={"edges": EDGES, "others_ratio": 1e9},
        inputs=inputs,
        reference=all_others,
        soft=False,
        coupled=True,
        exempt={
            "neutral": "even one group has an 'others' logit that cross-entropy has not",
            "class order": "the columns follow the groups; tested in tests/unit/losses",
        },
    )
}
