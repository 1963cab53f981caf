"""Norms of gradients against derivatives by hand, and GHM's density against its definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.examples import Examples
from longtail.figures.gradient_norm import BINS, density, gradient_norm, measure, shared_out
from longtail.labels import Labels
from longtail.losses import GHMC, CrossEntropy, Focal
from longtail.part import part
from longtail.recipe import Stage


@pytest.fixture
def toy() -> tuple[torch.Tensor, Labels]:
    draw = torch.Generator().manual_seed(0)
    return 2 * torch.randn(300, 2, generator=draw), Labels.of(torch.arange(300) % 5 // 4)


def test_gradient_norm_of_cross_entropy_and_focal(toy) -> None:
    logits, labels = toy
    p = torch.softmax(logits, 1).gather(1, labels.y[:, None]).squeeze(1)
    norm = gradient_norm(logits, part(CrossEntropy), labels, 128)
    assert torch.allclose(norm, 2**0.5 * (1 - p), atol=1e-5)
    gamma = 2.0  # d/dp of (1-p)^gamma log p, by hand
    pull = (1 - p) ** gamma * (1 - p) - gamma * p * (1 - p) ** gamma * p.log()
    norm = gradient_norm(logits, part(Focal, gamma=gamma), labels, 128)
    assert torch.allclose(norm, 2**0.5 * pull, atol=1e-4)


def test_ghm_evens_out_what_cross_entropy_does_not(toy) -> None:
    """Over the bins of gradient length that are filled, GHM's summed pull is flatter."""
    logits, labels = toy
    examples = Examples(torch.zeros(len(labels), 1), labels)
    stage = Stage(epochs=1, batch_size=300)
    one = measure(logits, stage, examples)["pull"]
    two = measure(logits, stage.but(loss=part(GHMC, bins=BINS, momentum=0.0)), examples)["pull"]
    assert np.std(two) < 0.7 * np.std(one)
    assert sum(one) == pytest.approx(1)
    assert sum(two) == pytest.approx(1)


def test_measure_counts_every_row(toy) -> None:
    logits, labels = toy
    found = measure(logits, Stage(epochs=1), Examples(torch.zeros(len(labels), 1), labels))
    assert [sum(row) for row in found["p"]] == labels.counts.tolist()
    assert sum(found["norm"]) == len(labels)


def test_density_is_the_papers() -> None:
    v, at, width = np.random.default_rng(0).random(500), np.linspace(0, 1, 7), 0.1
    slow = []
    for g in at:
        inside = sum(g - width / 2 <= x <= g + width / 2 for x in v)
        slow.append(inside / (min(g + width / 2, 1) - max(g - width / 2, 0)))
    assert density(v, at, width) == pytest.approx(slow)


def test_the_last_bin_holds_one() -> None:
    assert shared_out(torch.tensor([1.0, 1.0]), torch.tensor([0.0, 1.0]), 4).tolist() == [0.5, 0, 0, 0.5]
