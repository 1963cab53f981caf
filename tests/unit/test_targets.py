"""Targets of another task come in without the loop knowing: here several labels per row."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from longtail.classes import Classes
from longtail.examples import Examples
from longtail.labels import Labels
from longtail.net import Net
from longtail.part import part
from longtail.recipe import Recipe
from longtail.run import train_stages
from longtail.samplers import Shuffled
from longtail.seeds import generator
from longtail.targets import Targets
from longtail.testing.recipe import toy_stage


@dataclass(frozen=True, eq=False)
class Several:
    """Any number of the classes per row."""

    held: Tensor

    @property
    def classes(self) -> Classes:
        return Classes(tuple("abc"), self.held.sum(0))

    @property
    def fingerprint(self) -> str:
        return str(self.held.tolist())

    def __len__(self) -> int:
        return len(self.held)

    def take(self, index: Tensor) -> Several:
        return Several(self.held[index])

    def to(self, device: torch.device | str) -> Several:
        return Several(self.held.to(device))

    def batch(self, index: Tensor | slice, device: torch.device | str) -> Tensor:
        return self.held[index].float().to(device)

    def holding(self, c: int) -> Tensor:
        return self.held[:, c].nonzero().flatten()


class Each(nn.Module):
    """Binary cross-entropy of every class."""

    def forward(self, logits: Tensor, y: Tensor) -> Tensor:
        return nn.functional.binary_cross_entropy_with_logits(logits, y)


def data() -> Examples:
    x = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    return Examples(x, Several(x + 0.1 > torch.tensor([0.0, 1.0, 1.5])))


def test_several_labels_per_row_go_through_the_chain_and_the_loop() -> None:
    """Bit for bit what a plain loop over the multi-hot rows gives."""
    stage = toy_stage(2).but(loss=part(Each), optim=part(torch.optim.SGD, lr=0.1))
    net, examples = Net(nn.Identity(), nn.Linear(3, 3)), data()
    outcome = train_stages(Recipe("several", (stage,)), net, examples)
    assert outcome.assumed_prior is None
    assert outcome.classes.counts.tolist() == examples.targets.classes.counts.tolist()
    x, held = examples.x, examples.targets.held.float()
    optimizer, schedule = torch.optim.SGD(net.parameters(), lr=0.1), stage.schedule.build()
    for epoch in range(2):
        order = Shuffled()(examples.targets, generator(outcome.keys[0], epoch), 0.0)
        for k, chosen in enumerate(order.split(64)):
            optimizer.param_groups[0]["lr"] = 0.1 * schedule((epoch + k / 4) / 2)
            optimizer.zero_grad()
            Each()(net(x[chosen]), held[chosen]).backward()
            optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(net.parameters(), outcome.net.parameters()))


def test_what_needs_one_class_per_row_says_so() -> None:
    with pytest.raises(
        TypeError, match="the targets are Several, and one class per row is needed here: Labels"
    ):
        _ = data().labels


def test_labels_are_targets() -> None:
    labels = Labels.of([2, 0, 2, 1])
    targets: Targets = labels
    assert targets.classes is labels.classes
    assert labels.batch(torch.tensor([3, 3, 0]), "cpu").tolist() == [1, 1, 2]
    assert labels.batch(slice(1, 9), "cpu").tolist() == [0, 2, 1]
    assert [labels.holding(c).tolist() for c in range(3)] == [[1], [3], [0, 2]]
    moved = labels.to("cpu")
    assert moved.fingerprint == labels.fingerprint
    assert moved.counts.tolist() == labels.counts.tolist()
