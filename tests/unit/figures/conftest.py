"""Small data and models for figures: trained in a second, shared by the tests that only read them."""

from __future__ import annotations

import pytest
import torch

from longtail.data import Dataset
from longtail.figures import Subject
from longtail.labels import Labels


def points(counts: tuple[int, ...] = (60, 20, 8), seed: int = 0) -> Dataset:
    """Heaps of points in five dimensions, a class each."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    centres = 2 * torch.randn(len(counts), 5, generator=draw)
    x = centres[y] + torch.randn(len(y), 5, generator=draw)
    order = torch.randperm(len(y), generator=draw)
    names = [f"class {k}" for k in range(len(counts))]
    return Dataset.of("points", "embedding", x[order], Labels.of(y[order], names))


@pytest.fixture(scope="package")
def subject() -> Subject:
    return Subject(points(), backbone="mlp", epochs=2)


@pytest.fixture(scope="package")
def two() -> Subject:
    return Subject(points((60, 12)), backbone="mlp", epochs=2)


@pytest.fixture(scope="package")
def many() -> Subject:
    """A hundred and fifty classes."""
    counts = tuple(max(3, round(20 * 0.97**k)) for k in range(150))
    return Subject(points(counts), backbone="mlp", epochs=1)
