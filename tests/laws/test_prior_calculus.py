"""The prior calculus on Gaussians whose Bayes posterior is known: every sampler x weight x loss that claims a prior.

Each sampler draws its epochs, the loss is minimised to the end over what it drew (a linear classifier, which is the
toy's true model, so the minimum is global), the claimed prior is taken out and the balanced one put in: that must be the
Bayes posterior under the balanced prior. The rooms are walked: a new sampler or loss that claims a prior is tried.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import pkgutil
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from longtail import losses, samplers, weights
from longtail.labels import Labels
from longtail.losses import CrossEntropy
from longtail.mixing import Mixup
from longtail.part import Part, part, switch
from longtail.recipe import Stage
from longtail.run.prior import stages_prior
from longtail.samplers import ClassBalanced, Shuffled
from longtail.testing.recipe import CENTRES, bayes

COUNTS = (3000, 750, 200)

SAMPLERS: dict[str, tuple[Part[Any], ...]] = {
    "ClassBalanced": tuple(part(ClassBalanced, power=p) for p in (0.0, 0.5, -0.5)),
    "RepeatFactor": (part(samplers.RepeatFactor, threshold=0.3),),
    "MPerClass": (part(samplers.MPerClass, m=6, batch_size=12),),
    "Subset": (),  # leaves classes out: there is no posterior of theirs to recover
}
STREAMS = [
    p
    for name in samplers.__all__
    if inspect.isclass(role := getattr(samplers, name))
    and not inspect.isabstract(role)
    and hasattr(role, "stream_prior")
    and role is not samplers.EpochSampler
    for p in SAMPLERS.get(name, (part(role),))
]
WEIGHTS = [
    None,
    *(
        part(f)
        for f in (weights.inverse, weights.inverse_sqrt, weights.effective_number, weights.cost_sensitive)
    ),
]
# Arguments at which these claim a prior: their shape of the posterior is left as cross-entropy's.
CLAIMING: dict[str, tuple[dict[str, Any], ...]] = {
    "LogitAdjusted": ({}, {"tau": 0.5}, {"tau": 1.5}),
    "VS": ({"gamma": 0.0}, {"gamma": 0.0, "tau": 0.5}),
    "CDT": ({"gamma": 0.0},),
    "LADE": ({"strength": 0.0},),
    "BinaryVS": ({"gamma": 0.0}, {"gamma": 0.0, "tau": 0.5}),
}


def classes_of(name: str) -> int:
    return 2 if name.startswith("Binary") else 3


@cache
def toy(classes: int) -> tuple[Tensor, Labels]:
    """The Gaussians of the recipes' law, with more examples."""
    g = torch.Generator().manual_seed(0)
    y = torch.repeat_interleave(torch.arange(classes), torch.tensor(COUNTS[:classes]))
    x = CENTRES[y] + torch.randn(len(y), 2, generator=g)
    return x.double(), Labels.of(y)


def facts(labels: Labels) -> dict[str, Any]:
    return {
        "counts": labels.counts,
        "prior": labels.prior,
        "num_classes": labels.num_classes,
        "labels": labels,
    }


@cache
def drawn(stream: Part[Any], classes: int) -> Tensor:
    """How often each example is drawn, on average, over the epochs of a long training, at its end."""
    _, labels = toy(classes)
    g = torch.Generator().manual_seed(1)
    sampler, times, total = stream.build(**facts(labels)), torch.zeros(len(labels)), 0
    while total < 100_000:
        index = sampler(labels, g, 1.0)
        times += torch.bincount(index, minlength=len(labels))
        total += len(index)
    return times.double() / total


def claiming() -> list[Part[Any]]:
    """Every loss of the room that claims a prior over a class-balanced stream, at arguments where it does."""
    found = []
    for _, module, _ in pkgutil.iter_modules(losses.__path__):
        for name, role in inspect.getmembers(
            importlib.import_module(f"longtail.losses.{module}"), inspect.isclass
        ):
            if not hasattr(role, "assumes") or role.__module__ != f"longtail.losses.{module}":
                continue
            if name in CLAIMING:
                found += [part(role, **kw) for kw in CLAIMING[name]]
                continue
            try:
                made = part(role).build(**facts(toy(classes_of(name))[1]))
            except TypeError:  # needs what only a net has: class centres, a feature width
                continue
            if made.assumes(torch.full((classes_of(name),), 1 / classes_of(name))) is not None:
                found.append(part(role))
    return found


LOSSES = claiming()


def fitted(loss: Part[Any], stream: Part[Any], classes: int) -> Tensor:
    """Logits ``[N, C]`` of fresh balanced examples by the classifier that minimises the loss over the stream."""
    x, labels = toy(classes)
    m = drawn(stream, classes)
    built = loss.but(reduction="none").build(**facts(labels)).double()
    model = nn.Linear(2, classes).double()
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=100, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )
    seen = m > 0

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = (m[seen] * built(model(x[seen]), labels.y[seen])).sum()
        value.backward()
        return value

    optimiser.step(closure)
    with torch.no_grad():
        return model(fresh(classes))


@cache
def fresh(classes: int) -> Tensor:
    g = torch.Generator().manual_seed(2)
    y = torch.arange(classes).repeat_interleave(500)
    return (CENTRES[y] + torch.randn(len(y), 2, generator=g)).double()


def truth(classes: int) -> Tensor:
    if classes == 3:
        return bayes(fresh(3).float(), torch.full((3,), 1 / 3)).double()
    return torch.softmax(-0.5 * torch.cdist(fresh(2), CENTRES[:2].double()).square(), -1)


def error(logits: Tensor, claim: Tensor) -> float:
    """Mean absolute error of the balanced posterior, once the claimed prior is taken out."""
    return float((torch.softmax(logits - claim.log(), -1) - truth(logits.shape[1])).abs().mean())


def claim_of(loss: Part[Any], stream: Part[Any], classes: int) -> Tensor | None:
    stage = Stage(epochs=1, loss=loss, streams=(stream,))
    return stages_prior((stage,), toy(classes)[1])


def moves(stream: Part[Any], classes: int) -> bool:
    """Does its class distribution change over training?"""
    _, labels = toy(classes)
    built = stream.build(**facts(labels))
    return not torch.equal(built.stream_prior(labels, 0.0), built.stream_prior(labels, 1.0))


COMBINATIONS = [
    (stream, loss if weight is None else loss.but(weight=weight))
    for stream, loss, weight in itertools.product(STREAMS, LOSSES, WEIGHTS)
    if weight is None or "weight" in inspect.signature(loss.target).parameters
]


@pytest.mark.filterwarnings("ignore:counts sum to")
@pytest.mark.parametrize("stream", STREAMS, ids=repr)
def test_every_loss_and_weight_over(stream: Part[Any]) -> None:
    wrong = []
    for _, loss in (c for c in COMBINATIONS if c[0] is stream):
        classes = classes_of(loss.target.__name__)
        claim = claim_of(loss, stream, classes)
        if moves(stream, classes):
            assert claim is None, f"{loss} over {stream}, which is not where it ends for most of the training"
            continue
        assert claim is not None, loss
        found = error(fitted(loss, stream, classes), claim)
        if found > 0.03:
            wrong.append(f"{loss}: {found:.3f}")
    assert not wrong, wrong


BATCH = 128


def at_rest(loss: nn.Module, rare: float) -> Tensor:
    """The class shares that a model without features comes to predict, trained on random batches of ``BATCH`` with this
    share of the second class: where the batches' mean gradient is 0, by bisection.
    """
    chances = torch.distributions.Binomial(BATCH, torch.tensor(rare).double()).log_prob(
        torch.arange(BATCH + 1).double()
    )
    numbers = (chances > -18).nonzero().flatten()

    def slope(b: float) -> float:
        z = torch.tensor([0.0, b], dtype=torch.float64, requires_grad=True)
        means = [
            chances[k].exp() * loss(z.expand(BATCH, 2), (torch.arange(BATCH) < k).long()) for k in numbers
        ]
        return float(torch.autograd.grad(torch.stack(means).sum(), z)[0][1])

    low, high = -20.0, 20.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return torch.softmax(torch.tensor([0.0, low], dtype=torch.float64), 0)


@pytest.mark.filterwarnings("ignore:counts sum to")
@pytest.mark.parametrize("rare", [0.01, 0.001])
@pytest.mark.parametrize("loss", [p for p in LOSSES if not p.target.__name__.startswith("Binary")], ids=repr)
def test_training_on_batches_comes_to_rest_at_the_claimed_prior(loss: Part[Any], rare: float) -> None:
    """At 1 % and .1 %, batches of 128: the mean of a batch once divided by the batch's own weights, and gave .40 and
    .11 for the rare class where inverse weights claim .5."""
    labels = Labels.of((torch.arange(100_000) < rare * 100_000).long())
    for weight in (None, part(weights.inverse)):
        if weight is not None and "weight" not in inspect.signature(loss.target).parameters:
            continue
        built = (loss if weight is None else loss.but(weight=weight)).build(**facts(labels))
        claim = built.assumes(labels.prior)
        torch.testing.assert_close(at_rest(built.double(), rare), claim, rtol=1e-4, atol=1e-6)


def test_the_mean_over_a_batchs_own_weights_rests_elsewhere_and_claims_nothing() -> None:
    for rare, share in ((0.01, 0.40), (0.001, 0.11)):
        labels = Labels.of((torch.arange(100_000) < rare * 100_000).long())
        pytorchs = part(CrossEntropy, weight=part(weights.inverse), normalizer="weights").build(
            **facts(labels)
        )
        assert at_rest(pytorchs, rare)[1].item() == pytest.approx(share, abs=0.005)
        assert pytorchs.assumes(labels.prior) is None


def test_the_rooms_are_walked() -> None:
    named = {loss.target.__name__ for loss in LOSSES}
    assert {"CrossEntropy", "BalancedSoftmax", "LogitAdjusted", "PriorCE", "GeneralizedReweighting"} <= named
    assert set(CLAIMING) <= named
    assert len(STREAMS) >= 10
    assert len(COMBINATIONS) > 300


@pytest.mark.parametrize(
    "stream, loss",
    [
        (part(Shuffled), part(CrossEntropy, weight=part(weights.inverse))),
        (part(ClassBalanced), part(CrossEntropy)),
        (part(Shuffled), part(losses.BalancedSoftmax)),
    ],
    ids=repr,
)
def test_another_claim_would_be_caught(stream: Part[Any], loss: Part[Any]) -> None:
    """The natural prior, which these logits no longer assume."""
    assert error(fitted(loss, stream, 3), toy(3)[1].prior) > 0.1


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": part(losses.Focal)},
        {"loss": part(losses.LDAM)},
        {"loss": part(CrossEntropy, label_smoothing=0.1)},
        {"mix": part(Mixup)},
        {"loss": switch({0: part(CrossEntropy), 0.8: part(CrossEntropy, weight=part(weights.inverse))})},
        {"streams": (switch({0: part(Shuffled), 0.8: part(ClassBalanced)}),)},
    ],
    ids=str,
)
def test_what_changes_the_shape_or_is_under_way_claims_nothing(changes: dict[str, Any]) -> None:
    assert stages_prior((Stage(epochs=1, **changes),), toy(3)[1]) is None
