"""The prior calculus of labels, on a toy of independent labels whose posterior is a logistic regression each.

Label c is on a share of the rows, and moves one coordinate by ``SHIFT``: under shares q its posterior logit is
``SHIFT x_c - SHIFT^2 / 2 + logit q_c``. Every loss that claims shares is minimised to the end over the rows (the linear
model is the toy's true one); the claimed shares are taken out, others put in: that must be the posterior under those.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from longtail import losses
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.label_sets import LabelSets
from longtail.link import SIGMOID
from longtail.losses import CrossEntropy, DistributionBalanced, LogitAdjustedBCE, SigmoidFocal, WeightedBCE
from longtail.mixing import Mixup
from longtail.net import Net
from longtail.part import Part, part
from longtail.recipe import Recipe, Stage
from longtail.roles import ClaimsShares, traits_of
from longtail.run import train_stages
from longtail.samplers import (
    ClassAware,
    ClassBalanced,
    EffectiveNumberSampler,
    OverSample,
    Progressive,
    RepeatFactor,
    Shuffled,
    Subset,
    UnderSample,
)

SHARES = (0.5, 0.2, 0.04)
SHIFT, ROWS = 1.5, 40_000

# Arguments at which these claim shares: the shape of the posterior is left as cross-entropy's.
CLAIMING: dict[str, tuple[dict[str, Any], ...]] = {
    "WeightedBCE": (
        {},
        {"positive_weight": 4.0},
        {"positive_weight": (1.0, 3.0, 9.0)},
        {"normalizer": "elements"},
    ),
    "SigmoidFocal": ({"gamma": 0.0}, {"gamma": 0.0, "alpha": 0.8}),
    "ASL": ({"gamma_neg": 0.0, "gamma_pos": 0.0, "clip": 0.0},),
    "DistributionBalanced": (
        {"rebalance": False, "gamma": 0.0, "negative_scale": 1.0},
        {"rebalance": False, "gamma": 0.0, "negative_scale": 1.0, "kappa": 0.5, "factor": 1.0},
    ),
    "LogitAdjustedBCE": ({}, {"tau": 0.5}, {"tau": 1.5, "target_prior": (0.1, 0.3, 0.5)}),
}
# Arguments at which they must claim nothing.
SILENT: dict[str, tuple[dict[str, Any], ...]] = {
    "WeightedBCE": ({"label_smoothing": 0.1}, {"weight": (1.0, 2.0, 3.0)}, {"normalizer": "positives"}),
    "SigmoidFocal": ({}, {"gamma": 0.0, "label_smoothing": 0.1}, {"gamma": 0.0, "alpha": 1.0}),
    "ASL": ({}, {"gamma_neg": 0.0, "gamma_pos": 0.0}),
    "DistributionBalanced": ({}, {"rebalance": False, "gamma": 0.0}, {"gamma": 0.0, "negative_scale": 1.0}),
    "LogitAdjustedBCE": ({"label_smoothing": 0.1}, {"normalizer": "positives"}),
}


@cache
def toy() -> tuple[Tensor, LabelSets]:
    g = torch.Generator().manual_seed(0)
    held = torch.rand(ROWS, len(SHARES), generator=g) < torch.tensor(SHARES)
    return held * SHIFT + torch.randn(ROWS, len(SHARES), generator=g), LabelSets.of_matrix(held.long())


def posterior(x: Tensor, shares: Tensor) -> Tensor:
    return torch.sigmoid(SHIFT * x.double() - SHIFT**2 / 2 + SIGMOID.evidence(shares))


def built(loss: Part[Any]) -> nn.Module:
    classes = toy()[1].classes
    return loss.build(counts=classes.counts, prior=classes.prior, num_classes=classes.num_classes)


def claimants() -> dict[str, type]:
    """Every loss of the room that may claim shares."""
    found = {}
    for _, module, _ in pkgutil.iter_modules(losses.__path__):
        home = importlib.import_module(f"longtail.losses.{module}")
        for name, role in inspect.getmembers(home, inspect.isclass):
            if role.__module__ == home.__name__ and issubclass(role, ClaimsShares):
                found[name] = role
    return found


def minimised(loss: nn.Module) -> Tensor:
    """Logits ``[N, C]`` of the linear model under which the loss is least."""
    x, targets = toy()
    x, y = x.double(), targets.batch(slice(None), "cpu").double()
    head = nn.Linear(x.shape[1], y.shape[1], dtype=torch.float64)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss.double()(head(x), y)
        value.backward()
        return value

    optimizer.step(closure)
    with torch.no_grad():
        return head(x)


def check(loss: nn.Module, claimed: Tensor) -> None:
    x, _ = toy()
    for to in (torch.full((3,), 0.5), torch.tensor([0.1, 0.3, 0.2])):
        to = to.double()
        shift = SIGMOID.evidence(to) - SIGMOID.evidence(claimed)
        off = (torch.sigmoid(minimised(loss) + shift) - posterior(x, to)).abs().mean(0)
        assert off.max() < 0.015, f"off by {off.tolist()}"


CASES = [(name, kw) for name, several in CLAIMING.items() for kw in several]


def test_every_claim_is_tried() -> None:
    assert set(CLAIMING) == set(SILENT) == set(claimants())


@pytest.mark.parametrize("name, how", CASES, ids=[f"{n}-{k}" for k, (n, _) in enumerate(CASES)])
def test_claimed_shares_are_those_of_the_logits(name: str, how: dict[str, Any]) -> None:
    loss: Any = built(part(claimants()[name], **how))
    claimed = loss.assumes_shares(toy()[1].prior)
    assert claimed is not None
    check(loss, claimed)


@pytest.mark.parametrize("name", SILENT)
def test_no_claim_without_a_closed_form(name: str) -> None:
    for how in SILENT[name]:
        loss: Any = built(part(claimants()[name], **how))
        assert loss.assumes_shares(toy()[1].prior) is None, how


def test_a_wrong_claim_is_noticed() -> None:
    loss: Any = built(part(WeightedBCE, positive_weight=4.0))
    with pytest.raises(AssertionError, match="off by"):
        check(loss, toy()[1].prior)


@pytest.mark.parametrize(
    "kind", [k for k in map(losses.__dict__.get, losses.__all__) if isinstance(k, type) and issubclass(k, nn.Module)
             and "multi-label" in traits_of(k).tasks], ids=lambda k: k.__name__)  # fmt: skip
def test_a_loss_of_several_labels_takes_any_number_of_them(kind: type) -> None:
    """Rows with all labels and with none have a finite loss and gradient, which moves the right way where it moves."""
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    held = torch.tensor([[1.0, 1, 1], [0, 0, 0], [1, 0, 1], [0, 1, 0]], dtype=torch.float64)
    value = built(part(kind)).double()(z, held)
    (slope,) = torch.autograd.grad(value, z)
    assert value.isfinite()
    assert (slope[held > 0] <= 0).all()
    assert slope.isfinite().all()


def net() -> Net:
    torch.manual_seed(0)
    return Net(nn.Identity(), Linear(3, 3))


def stage(loss: Part[Any], **more: Any) -> Stage:
    return Stage(
        name="several", epochs=12, batch_size=256, loss=loss, optim=part(torch.optim.SGD, lr=0.5), **more
    )


@pytest.mark.parametrize(
    "loss",
    [part(WeightedBCE), part(WeightedBCE, positive_weight=4.0), part(LogitAdjustedBCE)],
    ids=["bce", "weighted", "adjusted"],
)
def test_training_knows_the_shares(loss: Part[Any]) -> None:
    """Through the chain of stages: the outcome's probabilities under any prior are the posterior under it."""
    x, targets = toy()
    outcome = train_stages(Recipe("several", (stage(loss),)), net(), Examples(x, targets))
    assert outcome.prior_source == "closed form"
    for prior in ("natural", "balanced", [0.1, 0.3, 0.2]):
        to = {"natural": targets.prior, "balanced": torch.full((3,), 0.5).double()}.get(str(prior))
        want = posterior(x, torch.tensor(prior).double() if to is None else to)
        assert (outcome.predict_proba(x, prior) - want).abs().mean(0).max() < 0.02
    decided = outcome.predict(x, "balanced")
    assert decided.dtype == torch.bool
    assert decided.shape == x.shape
    recall = [float(decided[targets.holding(c), c].float().mean()) for c in range(3)]
    assert min(recall) > 0.7


def test_what_has_no_closed_form_says_so() -> None:
    x, targets = toy()
    recipe = Recipe("focal", (stage(part(SigmoidFocal)).but(epochs=1),))
    outcome = train_stages(recipe, net(), Examples(x, targets))
    assert outcome.prior_source == "none"
    with pytest.raises(ValueError, match="no closed-form prior"):
        outcome.predict_proba(x)


@pytest.mark.parametrize(
    "bad, says",
    [
        (stage(part(CrossEntropy)), "is for one class per row, and here is several labels per row"),
        (stage(part(WeightedBCE), mix=part(Mixup)), "because of Mixup"),
    ],
    ids=["loss", "mixer"],
)
def test_what_is_for_one_class_is_refused_before_training(bad: Stage, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        train_stages(Recipe("bad", (bad,)), net(), Examples(*toy()))


@pytest.mark.parametrize(
    "prior, says",
    [
        ([0.5, 1.2, 0.1], r"prior\[1\] is 1.2; of several labels"),
        ([0.5, 0.2], "needs one number for each of 3 classes"),
        ("0=0.5,1=0.2,2=-1", "number 3 is -1"),
    ],
)
def test_shares_that_are_none(prior: Any, says: str) -> None:
    x, targets = toy()
    outcome = train_stages(
        Recipe("a", (stage(part(WeightedBCE)).but(epochs=1),)), net(), Examples(x, targets)
    )
    with pytest.raises(ValueError, match=says):
        outcome.predict_proba(x[:3], prior)


def test_the_distribution_balanced_bias_is_no_whole_adjustment() -> None:
    """kappa 1 alone is the logit-adjusted loss; the paper's .05 takes out a twentieth of the odds."""
    how: dict[str, Any] = {"rebalance": False, "gamma": 0.0, "factor": 1.0, "negative_scale": 1.0}
    whole: Any = built(part(DistributionBalanced, **how, kappa=1.0))
    torch.testing.assert_close(whole.assumes_shares(toy()[1].prior), torch.full((3,), 0.5).double())


def together() -> LabelSets:
    """Label 1 comes mostly with label 0, label 2 only with label 1; some rows have none."""
    g = torch.Generator().manual_seed(0)
    first = torch.rand(400, generator=g) < 0.6
    second = torch.rand(400, generator=g) < torch.where(first, 0.3, 0.05)
    third = second & (torch.rand(400, generator=g) < 0.2)
    return LabelSets.of_matrix(torch.stack([first, second, third], 1).long())


SAMPLERS = [
    part(Shuffled), part(ClassBalanced), part(ClassBalanced, power=0.5), part(ClassBalanced, power=-1.0),
    part(ClassAware), part(EffectiveNumberSampler, beta=0.99), part(Progressive), part(RepeatFactor, threshold=0.5),
    part(RepeatFactor, threshold=2.0, sqrt=False),
]  # fmt: skip


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
@pytest.mark.parametrize("t", [0.0, 0.5, 1.0])
def test_a_stream_has_the_shares_it_declares(sampler: Part[Any], t: float) -> None:
    """Rows are drawn as often as their labels say, and others come along: each share within five standard errors."""
    sets, g = together(), torch.Generator().manual_seed(1)
    made = sampler.build(labels=sets)
    index = torch.cat([made(sets, g, t) for _ in range(60)])
    seen = sets.batch(index, "cpu").double().mean(0)
    want = made.stream_prior(sets, t)
    off = (seen - want).abs() / (want * (1 - want) / len(index)).sqrt().clamp(min=1e-9)
    assert off.max() < 5, f"{seen.tolist()} where {want.tolist()} is declared"


def test_a_stream_that_forgets_what_comes_together_is_noticed() -> None:
    sets = together()
    alone = ClassBalanced().drawn(sets)
    assert (ClassBalanced().stream_prior(sets) - alone).abs().max() > 0.3


def test_rows_drawn_by_their_labels_claim_no_posterior() -> None:
    """The shares are known, and yet rows with a label look otherwise: what else they have is drawn along."""
    x = torch.randn(400, 3)
    one = stage(part(WeightedBCE), streams=(part(ClassBalanced),)).but(epochs=1)
    outcome = train_stages(Recipe("balanced", (one,)), net(), Examples(x, together()))
    assert outcome.prior_source == "none"


@pytest.mark.parametrize("sampler", [Subset, UnderSample, OverSample])
def test_a_sampler_of_one_class_is_refused(sampler: type) -> None:
    one = stage(part(WeightedBCE), streams=(part(sampler),)).but(epochs=1)
    with pytest.raises(ValueError, match=f"because of {sampler.__name__}"):
        train_stages(Recipe("bad", (one,)), net(), Examples(*toy()))
