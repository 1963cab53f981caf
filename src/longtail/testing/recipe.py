"""Laws of recipes. ``check_recipe(f)`` raises AssertionError on a recipe that breaks one.

A recipe is a function from a base stage to a ``Recipe``. The toy is three Gaussians of equal covariance, whose Bayes
posterior is linear and known, with 1,200, 300 and 75 examples, and 200 more without labels. A recipe that needs images
(``Recipe.takes``) has three textures of 8 x 8 pixels instead, with no posterior that is known.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from longtail.backbones import ResNetCIFAR
from longtail.examples import Examples
from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.net import Net
from longtail.part import Part, part
from longtail.recipe import Recipe, Stage
from longtail.run.chain import stage_keys, train, train_stages
from longtail.run.engine import Engine
from longtail.run.loop import operate
from longtail.run.prior import stages_prior
from longtail.schedule import Constant, Cosine
from longtail.store import Cache

CENTRES = torch.tensor([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])
COUNTS = (1200, 300, 75)


def toy(seed: int = 0, counts: tuple[int, ...] = COUNTS) -> Examples:
    """Examples from the three Gaussians."""
    g = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
    x = CENTRES[y] + torch.randn(len(y), 2, generator=g)
    more = CENTRES[torch.randint(3, (200,), generator=g)] + torch.randn(200, 2, generator=g)
    return Examples(x, Labels.of(y), "toy", more)


def toy_images(seed: int = 0, counts: tuple[int, ...] = (120, 40, 16)) -> Examples:
    """Noisy gradients from left to right, from top to bottom, and both: uint8 ``[N, 3, 8, 8]``."""
    g = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
    ramp = torch.linspace(0, 160, 8)
    kinds = torch.stack([ramp.expand(8, 8), ramp[:, None].expand(8, 8), (ramp + ramp[:, None]) / 2])

    def drawn(of: Tensor) -> Tensor:
        noise = 40 * torch.rand(len(of), 3, 8, 8, generator=g)
        return (kinds[of][:, None] + noise).to(torch.uint8)

    return Examples(drawn(y), Labels.of(y), "toy images", drawn(torch.randint(3, (40,), generator=g)))


def toy_net() -> Net:
    """A linear classifier, started from a fixed seed: the toy's true model."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net(nn.Sequential(nn.Linear(2, 8)), nn.Linear(8, 3))


def toy_image_net() -> Net:
    """The smallest ResNet, started from a fixed seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Net(ResNetCIFAR(8), nn.Linear(64, 3))


def needs_images(recipe: Recipe) -> bool:
    """Does it work on no rows of numbers, such as the toy's?"""
    return "rows" not in recipe.takes


def toy_for(recipe: Recipe) -> tuple[Net, Examples]:
    """Net and examples that a recipe can be trained on."""
    return (toy_image_net(), toy_images()) if needs_images(recipe) else (toy_net(), toy())


def toy_stage(epochs: int = 12) -> Stage:
    """A base stage that converges on the toy in about a second."""
    optim = part(torch.optim.AdamW, lr=0.02, weight_decay=0.0)
    return Stage(name="toy", epochs=epochs, batch_size=64, optim=optim, schedule=part(Cosine))


def bayes(x: Inputs, prior: Tensor) -> Tensor:
    """The true posterior of the toy under a prior."""
    assert isinstance(x, Tensor)
    logits = -0.5 * torch.cdist(x, CENTRES).square()
    return torch.softmax(logits + prior.log().float(), -1)


def check_recipe(recipe: Callable[[Stage], Recipe], *, tolerance: float = 0.05) -> None:
    """All laws of recipes.

    Args:
        recipe: from a base stage to a recipe.
        tolerance: mean absolute error of the posterior that a claimed ``assumed_prior`` must reach on the toy.
    """
    made = recipe(toy_stage())
    check_json(made)
    check_digest(made)
    check_frozen(recipe(toy_stage(2)))
    check_cached(recipe(toy_stage(2)))
    check_prior(made, tolerance)


def check_json(recipe: Recipe) -> None:
    """A JSON round trip keeps the recipe and its digest."""
    again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert again.digest == recipe.digest, "a JSON round trip changed the digest"
    assert again == recipe, "a JSON round trip changed the recipe"


def check_digest(recipe: Recipe) -> None:
    """Renaming keeps the digest; any other change of any field changes it."""
    assert recipe.but(name="other").digest == recipe.digest, "renaming a recipe changed its digest"
    first = recipe.stages[0]
    renamed = recipe.but(stages=(first.but(name="other"), *recipe.stages[1:]))
    assert renamed.digest == recipe.digest, "renaming a stage changed the digest"
    for field in dataclasses.fields(Stage):
        if field.name != "name":
            changed = first.but(**{field.name: _other(field.name, getattr(first, field.name))})
            stages = (changed, *recipe.stages[1:])
            taught = recipe.teachers if any(s.asks("teachers") for s in stages) else ()
            mutant = recipe.but(stages=stages, teachers=taught)
            assert mutant.digest != recipe.digest, f"changing {field.name} did not change the digest"
    assert recipe.but(stages=(*recipe.stages, first)).digest != recipe.digest, "another stage kept the digest"
    assert recipe.but(finish=(*recipe.finish, part(Constant))).digest != recipe.digest, (
        "finish is not in the digest"
    )
    for k, teacher in enumerate(recipe.teachers):
        other = teacher.but(stages=(teacher.stages[0].but(epochs=99), *teacher.stages[1:]))
        mutant = recipe.but(teachers=(*recipe.teachers[:k], other, *recipe.teachers[k + 1 :]))
        assert mutant.digest != recipe.digest, f"changing teacher {k} did not change the digest"


def check_frozen(recipe: Recipe) -> None:
    """What a stage does not train is bit-equal before and after it."""
    net, data = toy_for(recipe)
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder)  # each stage is trained once
        for k, stage in enumerate(recipe.stages):
            before = train_stages(recipe.upto(k), net, data, cache=cache).net if k else net
            key = stage_keys(recipe, net, data, 0, Engine())[k]
            start = {
                n: p.detach().clone()
                for n, p in operate(stage.surgery, before, data, Engine(), key).named_parameters()
            }
            after = dict(train_stages(recipe.upto(k + 1), net, data, cache=cache).net.named_parameters())
            for name, value in after.items():
                if not any(fnmatchcase(name, glob) for glob in stage.trains):
                    assert torch.equal(value, start[name]), (
                        f"stage {stage.name!r} moved {name}, which it does not train"
                    )


def check_cached(recipe: Recipe) -> None:
    """From the cache or fresh, the same bits."""
    net, data = toy_for(recipe)
    fresh = train_stages(recipe, net, data).net.state_dict()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            cached = train_stages(recipe, net, data, cache=Cache(folder)).net.state_dict()
            for name, value in fresh.items():
                assert torch.equal(value, cached[name]), (
                    f"{name} differs between a cached and a fresh training"
                )


def check_prior(recipe: Recipe, tolerance: float = 0.05) -> None:
    """Where a recipe claims a ``assumed_prior``, taking it out gives the Bayes posterior under the balanced prior.

    On images the posterior is not known: a recipe that needs them is not tested here.
    """
    if needs_images(recipe) or (not recipe.finish and stages_prior(recipe.stages, toy().targets) is None):
        return
    outcome = train(recipe, toy_net(), toy(), held=toy(2)).but(
        calibrator=None
    )  # the claim itself, not its mend
    if outcome.assumed_prior is None:
        return
    assert abs(float(outcome.assumed_prior.sum()) - 1) < 1e-6, "assumed_prior does not sum to 1"
    test = toy(1, (400, 400, 400))
    balanced = torch.full((3,), 1 / 3)
    found, true = outcome.predict_proba(test.source, "balanced"), bayes(test.source.whole(), balanced)
    error = float((found - true).abs().mean())
    assert error < tolerance, (
        f"the claimed assumed_prior leaves a posterior error of {error:.3f} (at most {tolerance})"
    )


def _other(name: str, value: Any) -> Any:
    """Some other legal value of a stage's field."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, tuple):
        return (*value, {"trains": "other", "lr_factors": ("other", 2.0)}.get(name, part(Constant)))
    return Part(Constant) if value != Part(Constant) else Part(Cosine)
