"""An unknown prior: estimated on rows without labels, or met by weighing the experts of a recipe that has some."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from longtail import recipes
from longtail.classes import Classes
from longtail.inputs import TokenRows
from longtail.net import Net
from longtail.run import Outcome, train
from longtail.run.outcome import Meaning
from longtail.run.unknown import (
    EACH,
    check_experts,
    estimated,
    estimated_on,
    expert_logits,
    sample_of,
    view_of,
    weigh_experts,
)
from longtail.source import Resident
from longtail.surgery import AddExperts
from longtail.testing.recipe import toy, toy_net, toy_stage

COUNTS = torch.tensor([800, 150, 50])
MEANS = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.5]])


def rows(
    n: int, prior: list[float], assumed: torch.Tensor, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits of the Bayes classifier that assume a prior, of rows from another one, and their classes."""
    g = torch.Generator().manual_seed(seed)
    y = torch.multinomial(torch.tensor(prior), n, replacement=True, generator=g)
    x = MEANS[y] + torch.randn(n, 2, generator=g)
    return assumed.log() - 0.5 * torch.cdist(x, MEANS).square(), y


@pytest.mark.parametrize("assumed", [[0.8, 0.15, 0.05], [1 / 3, 1 / 3, 1 / 3]])
def test_the_estimate_is_the_place_s_whatever_the_logits_assume(assumed: list[float]) -> None:
    p = torch.tensor(assumed, dtype=torch.float64)
    logits, y = rows(3000, [0.2, 0.3, 0.5], p)
    meaning = Meaning(Classes.of(COUNTS), p)
    found = estimated(meaning, logits)
    assert np.abs(np.array(found.prior) - [0.2, 0.3, 0.5]).max() < 0.04
    known = (meaning.probabilities(logits, list(found.prior)).argmax(1) == y).float().mean()
    untold = (meaning.probabilities(logits, "natural").argmax(1) == y).float().mean()
    assert known > untold + 0.05


def test_a_class_that_no_row_shows_stays_possible() -> None:
    p = torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64)
    logits, _ = rows(400, [0.6, 0.4, 0.0], p)
    found = estimated(Meaning(Classes.of(COUNTS), p), logits * 20)  # so sure that EM alone would say 0
    assert 0 < found.prior[2] < 0.01


def test_too_few_rows_are_refused() -> None:
    p = torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64)
    meaning = Meaning(Classes.of(COUNTS), p)
    logits, _ = rows(EACH * 3, [0.2, 0.3, 0.5], p)
    estimated(meaning, logits)
    with pytest.raises(
        ValueError, match=r"29 rows are too few to tell how frequent 3 classes are; it takes 30"
    ):
        estimated(meaning, logits[:-1])


def test_logits_without_a_known_prior_are_refused() -> None:
    with pytest.raises(ValueError, match="no closed-form prior"):
        estimated(Meaning(Classes.of(COUNTS)), torch.zeros(100, 3))


def test_weighted_rows_are_as_rows_that_are_there_so_often() -> None:
    p = torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64)
    logits, y = rows(3000, [0.8, 0.15, 0.05], p)
    target = torch.tensor([0.1, 0.3, 0.6], dtype=torch.float64)
    weight = (target / torch.bincount(y))[y]
    found = estimated_on(Meaning(Classes.of(COUNTS), p), logits, weight)
    assert np.abs(found - target.numpy()).max() < 0.1
    twice = estimated_on(Meaning(Classes.of(COUNTS), p), logits, weight * 7)
    assert np.allclose(found, twice, atol=1e-9)  # the scale of weights says nothing


def test_of_many_rows_some_are_drawn_the_same_ones_again() -> None:
    some = sample_of(3_000_000, 10)
    assert len(some) == 100_000
    assert torch.equal(some, sample_of(3_000_000, 10))
    assert len(sample_of(5_000, 10)) == 5_000
    assert len(sample_of(100_000, 2_000)) == 2 * EACH * 2_000  # never fewer than are enough


def test_sade_leans_to_the_expert_of_the_rows_it_is_shown() -> None:
    outcome = train(recipes.sade(toy_stage()), toy_net(), toy())
    lean = {}
    for name, counts in (("forward", (900, 225, 56)), ("backward", (56, 225, 900))):
        test = toy(5, counts)
        better, weights = weigh_experts(outcome, test.source)
        lean[name] = weights[2] - weights[0]
        each = expert_logits(outcome, test.source)
        mixed = torch.einsum("k,nkc->nc", torch.tensor(weights), each)
        assert torch.allclose(better.logits(test.source), mixed, atol=1e-5)
        assert weigh_experts(outcome, test.source)[1] == weights
    assert lean["backward"] > lean["forward"]


def test_views_of_images_differ_and_are_never_mirrored() -> None:
    view = view_of(Resident(torch.zeros(2, 3, 16, 16, dtype=torch.uint8)))
    left = torch.zeros(64, 3, 16, 16, dtype=torch.uint8)
    left[..., :8] = 200
    seen = view(left, torch.Generator().manual_seed(0)).float().mean((1, 2))
    assert not torch.equal(seen[0], seen[1])
    assert bool((seen[:, :6].mean(1) > seen[:, 10:].mean(1)).all())


@pytest.mark.parametrize(
    ("net", "source", "match"),
    [
        (
            Net(nn.Identity(), nn.Linear(4, 3)),
            Resident(torch.zeros(9, 4)),
            "head, a Linear, has none: prior='estimated'",
        ),
        (
            AddExperts(3)(Net(nn.Identity(), nn.Linear(4, 3))),
            Resident(TokenRows.of([[1], [2]])),
            "tokens have none",
        ),
    ],
)
def test_where_there_is_nothing_to_weigh(net: Net, source: Resident, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        weigh_experts(Outcome(net, None, Classes.of(COUNTS)), source)


def test_one_expert_is_none() -> None:
    with pytest.raises(ValueError, match="sade"):
        check_experts(AddExperts(1)(Net(nn.Identity(), nn.Linear(4, 3))))
