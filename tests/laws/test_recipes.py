"""Every recipe of the house obeys the laws; a new file is tested without being listed."""

import importlib
import pkgutil

import pytest
import torch

from longtail import recipes
from longtail.part import part
from longtail.recipe import Recipe
from longtail.samplers import Shuffled
from longtail.testing import recipe as laws

ROOM = {
    name: getattr(importlib.import_module(f"longtail.recipes.{name}"), name)
    for _, name, _ in pkgutil.iter_modules(recipes.__path__)
}


def test_every_file_is_exported():
    assert set(ROOM) == {f.__name__ for f in recipes.ALL}


@pytest.mark.parametrize("name", ROOM)
def test_laws(name):
    laws.check_recipe(ROOM[name])


@pytest.mark.parametrize("name", ROOM)
def test_header_names_the_paper(name):
    doc = importlib.import_module(f"longtail.recipes.{name}").__doc__
    assert doc.startswith(f"{name.replace('_', '-')}: ")
    assert "\nPaper: " in doc
    assert "\nClaim: " in doc


class Liar(Shuffled):
    """Draws classes as they come and claims to draw them evenly."""

    def stream_prior(self, labels, t=0.0):
        return torch.full((labels.num_classes,), 1 / labels.num_classes, dtype=torch.float64)


def test_a_wrong_prior_is_caught():
    lie = recipes.erm(laws.toy_stage().but(streams=(part(Liar),)))
    with pytest.raises(AssertionError, match="posterior error"):
        laws.check_prior(lie)


def test_a_stage_that_moves_frozen_weights_is_caught(monkeypatch):
    import longtail.run.loop as loop

    frozen = recipes.crt(laws.toy_stage(2))
    laws.check_frozen(frozen)

    def sloppy(net, globs):
        return {n for n, _ in net.named_parameters()}

    monkeypatch.setattr(loop, "choose", sloppy)
    with pytest.raises(AssertionError, match="does not train"):
        laws.check_frozen(frozen)


def test_a_digest_that_forgets_a_field_is_caught(monkeypatch):
    from longtail.recipe import Stage

    monkeypatch.setattr(Stage, "digest", property(lambda self: f"{self.epochs}"))
    with pytest.raises(AssertionError, match="did not change the digest"):
        laws.check_digest(recipes.erm(laws.toy_stage()))


def test_global_random_state_does_not_matter():
    torch.manual_seed(1)
    a = laws.train_stages(recipes.erm(laws.toy_stage(2)), laws.toy_net(), laws.toy()).net.state_dict()
    torch.manual_seed(2)
    state = torch.get_rng_state()
    b = laws.train_stages(recipes.erm(laws.toy_stage(2)), laws.toy_net(), laws.toy()).net.state_dict()
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert torch.equal(state, torch.get_rng_state())


def test_reading_a_recipe_runs_no_foreign_code():
    data = recipes.erm(laws.toy_stage()).to_json()
    data["stages"][0]["loss"] = {"part": "os:system", "kwargs": {"command": "true"}}
    with pytest.raises(ValueError, match="not longtail's"):
        Recipe.from_json(data)


def test_equal_prefixes_share_their_keys():
    net, data, engine = laws.toy_net(), laws.toy(), laws.Engine()
    base = laws.toy_stage()
    keys = {f.__name__: laws.stage_keys(f(base), net, data, 0, engine) for f in recipes.ALL}
    assert keys["erm"] == keys["logit_adjustment"] == keys["tau_norm"] == keys["crt"][:1]
    assert keys["erm"] != keys["focal"]
    assert laws.stage_keys(recipes.erm(base), net, data, 1, engine) != keys["erm"]
    other = recipes.erm(base.but(streams=(part(Shuffled),), epochs=3))
    assert laws.stage_keys(other, net, data, 0, engine) != keys["erm"]
