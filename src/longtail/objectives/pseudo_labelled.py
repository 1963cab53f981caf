"""PseudoLabelled: unlabelled rows join the training under the labels that a first model gives them (semi-supervised SSP).

Paper: Yang and Xu, "Rethinking the value of labels for improving class-imbalanced learning", NeurIPS 2020, section 3:
``L(D_L) + omega L(D_U)`` with ``D_U`` labelled by a classifier trained on ``D_L``.

| symbol | here |
|---|---|
| first classifier | ``teachers[0]``, the recipe's teacher; hard labels, no threshold |
| omega | ``weight`` |
| rho_U, the imbalance of D_U | as it comes; ``power`` draws by pseudo-label: class probability ~ m_c^power (1: as it
comes, 0: balanced), m_c rows pseudo-labelled c |

Differs from the authors' code in how the two meet: there one shuffled set of both, here each step takes ``ratio`` times
its batch of labelled rows from the unlabelled ones, so that an epoch stays a pass over the labelled rows. A class-aware
loss keeps the counts of the labelled rows (there, both). On several ranks each draws for its own share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.objectives._views import views_of
from longtail.objectives.supervised import Batch
from longtail.source import Source, source_of


class PseudoLabelled(nn.Module):
    """``loss(labelled) + weight loss(pseudo-labelled)``.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage.
        teachers: nets; the first one labels (a fact).
        unlabelled: a source of inputs without a label (a fact), or such inputs.
        num_classes: C (a fact).
        weight: omega >= 0.
        ratio: unlabelled rows a labelled one, > 0.
        power: see above.
        augment: for the unlabelled rows; the recipe gives the stage's own.

    Raises:
        ValueError: there are no unlabelled rows or no teacher, or a number out of its range.
    """

    couples_batch = True
    ignores_progress = True
    labels: Tensor
    chance: Tensor

    def __init__(
        self,
        loss: nn.Module,
        teachers: Sequence[nn.Module],
        unlabelled: Any,
        num_classes: int,
        weight: float = 1.0,
        ratio: float = 1.0,
        power: float = 1.0,
        augment: Callable[..., Any] | None = None,
    ) -> None:
        super().__init__()
        if unlabelled is None or not len(unlabelled):
            raise ValueError(
                "unlabelled: there are no rows without a label; give some: `longtail compare DATA --unlabelled FILE`, "
                "compare(..., unlabelled=FILE), or Examples(unlabelled=...)"
            )
        if not teachers:
            raise ValueError("teachers: the recipe has none to label rows with; set Recipe(teachers=(...,))")
        if weight < 0 or ratio <= 0:
            raise ValueError(f"weight={weight} must be at least 0 and ratio={ratio} above 0")
        self.loss, self.weight, self.ratio, self.augment = loss, weight, ratio, augment
        self.source = source_of(unlabelled)
        labels = pseudo_labels(teachers[0], self.source)
        number = torch.bincount(labels, minlength=num_classes).double()
        # Built anew from teacher and rows when a stage is resumed: nothing here has to be saved.
        self.register_buffer("labels", labels, persistent=False)
        self.register_buffer("chance", (number[labels] ** (power - 1)).cumsum(0), persistent=False)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        (x,) = views_of(x, 1, "PseudoLabelled")
        chosen = self.draw(max(2, round(self.ratio * len(y))), generator)
        more: Any = self.source.batch(chosen, chosen.device)
        if self.augment is not None:
            more = self.augment(more, generator)
        return {
            "labelled": self.loss(net(x), y),
            "unlabelled": self.weight * self.loss(net(more), self.labels[chosen]),
        }

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` unlabelled rows, with replacement."""
        u = torch.rand(n, generator=generator, device=generator.device, dtype=torch.float64).to(
            self.chance.device
        )
        return torch.searchsorted(self.chance, u * self.chance[-1], right=True).clamp(
            max=len(self.chance) - 1
        )


@torch.no_grad()
def pseudo_labels(teacher: nn.Module, source: Source, batch: int = 512) -> Tensor:
    """The class of largest logit of each row, int64 ``[N]``, where the teacher is."""
    device = next((p.device for p in teacher.parameters()), "cpu")
    rows = (slice(start, start + batch) for start in range(0, len(source), batch))
    return torch.cat([teacher(source.batch(some, device)).argmax(-1) for some in rows])
