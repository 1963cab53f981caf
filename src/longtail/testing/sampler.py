"""Laws of a sampler: run ``check_sampler(MySampler())`` in your own tests."""

from __future__ import annotations

import math
import pickle
import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.roles import InChunks, KnowsDrawnSize, KnowsSize


def a_long_tail() -> Labels:
    """Seven classes with 80 down to 1 examples, in random order, and one class without any (the third)."""
    counts = torch.tensor([80, 35, 0, 16, 7, 3, 1])
    y = torch.repeat_interleave(torch.arange(7), counts)
    return Labels.of(y[torch.randperm(len(y), generator=torch.Generator().manual_seed(0))], num_classes=7)


def excess(observed: Tensor, expected: Tensor) -> float:
    """How far a chi-square statistic lies above its mean, in standard deviations (Wilson and Hilferty's cube
    root).

    Cells that expect nothing must observe nothing: else infinity.

    >>> round(excess(torch.tensor([50, 50]), torch.tensor([50.0, 50.0])), 1)
    -1.6
    """
    observed, expected = observed.double(), expected.double()
    if bool((observed[expected == 0] > 0).any()):
        return math.inf
    cells = expected > 0
    freedom = int(cells.sum()) - 1
    if freedom < 1:
        return 0.0
    chi = float(((observed - expected)[cells] ** 2 / expected[cells]).sum())
    spread = 2 / (9 * freedom)
    return ((chi / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)


def check_sampler(
    sampler: Any, labels: Labels | None = None, *, draws: int = 20_000, together: int = 1
) -> None:
    """Hold a sampler to the laws.

    It gives indices of the labels; follows from its generator alone and leaves all global random states as
    they were; changes neither labels nor itself; draws classes, and examples within a class, as often as
    ``stream_prior`` declares, at the start, the middle and the end of training; never draws a class
    without examples; survives a class with one; its chunks joined are its epoch, and
    ``size`` or ``drawn_size`` its length.

    Args:
        labels: what to sample from; default: :func:`a_long_tail`.
        draws: indices to draw for the chi-square tests, or 400 epochs if that is fewer.
        together: examples of a class that are drawn at once (m of m-per-class), for those tests.

    Raises:
        AssertionError: a law does not hold; the message says which.

    >>> from longtail.samplers import ClassBalanced
    >>> check_sampler(ClassBalanced(power=0.5))
    """
    labels = labels if labels is not None else a_long_tail()
    n, c, before = len(labels), labels.num_classes, labels.y.clone()
    for t in (0.0, 0.5, 1.0):
        state = _global_state()
        first = sampler(labels, _seeded(1), t)
        assert _global_state() == state, "the sampler moved a global random state"
        assert isinstance(first, Tensor), "the sampler must give a tensor"
        assert first.dtype == torch.int64, f"the sampler gave {first.dtype}, not int64"
        assert first.dim() == 1, f"the sampler gave shape {tuple(first.shape)}, not [length]"
        assert len(first) > 0, "the sampler gave an empty epoch"
        assert 0 <= int(first.min()) <= int(first.max()) < n, "the sampler gave an index outside the data"
        assert torch.equal(first, sampler(labels, _seeded(1), t)), "the same generator gave other indices"
        assert not torch.equal(first, sampler(labels, _seeded(2), t)), (
            "another generator gave the same indices"
        )
        copy = pickle.loads(pickle.dumps(sampler))
        assert torch.equal(first, copy(labels, _seeded(1), t)), "a pickled copy draws differently"
        if isinstance(sampler, InChunks):
            joined = torch.cat(list(sampler.chunks(labels, _seeded(1), t)))
            assert torch.equal(first, joined), "the chunks joined are not the epoch"
        if isinstance(sampler, KnowsSize):
            assert sampler.size(labels, t) == len(first), (
                f"size says {sampler.size(labels, t)}, not {len(first)}"
            )
        if isinstance(sampler, KnowsDrawnSize):
            told = sampler.drawn_size(labels, _seeded(1), t)
            assert told == len(first), f"drawn_size says {told}, not {len(first)}"
        q = sampler.stream_prior(labels, t)
        assert q.dtype == torch.float64, f"stream_prior gave {q.dtype}, not float64"
        assert q.shape == (c,), f"stream_prior gave shape {tuple(q.shape)}, not [C]"
        assert bool((q >= 0).all()), "stream_prior is negative somewhere"
        assert abs(float(q.sum()) - 1) < 1e-12, f"stream_prior sums to {float(q.sum())}"
        assert bool((q[labels.counts == 0] == 0).all()), "stream_prior gives mass to an empty class"
        seen, draw = torch.zeros(n, dtype=torch.int64), _seeded(3)
        for _ in range(400):  # epochs, if they are short
            seen += torch.bincount(sampler(labels, draw, t), minlength=n)
            if int(seen.sum()) >= draws:
                break
        total = int(seen.sum())
        of_class = torch.zeros(c, dtype=torch.int64).index_add_(0, labels.y, seen)
        far = excess(of_class / together, total * q / together)
        assert far < 5, f"class frequencies differ from stream_prior at t={t} (chi-square {far:.1f} sd off)"
        far = excess(seen / together, total * (q / labels.counts.clamp(min=1))[labels.y] / together)
        assert far < 5, f"examples of a class are not drawn alike at t={t} (chi-square {far:.1f} sd off)"
    assert torch.equal(labels.y, before), "the sampler changed the labels"


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _global_state() -> tuple[object, ...]:
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())
