import pytest
import torch

from longtail import recipes
from longtail.adjust import PriorShift
from longtail.part import part
from longtail.prior import Prior
from longtail.run import train
from longtail.testing.recipe import bayes, toy, toy_net, toy_stage


@pytest.fixture(scope="module")
def erm():
    return train(recipes.erm(toy_stage()), toy_net(), toy())


@pytest.mark.parametrize("prior", ["natural", "balanced", [0.1, 0.2, 0.7]])
def test_predict_proba_is_the_posterior_under_the_declared_prior(erm, prior):
    x = toy(1, (300, 300, 300)).x
    truth = bayes(x, Prior.of(prior, erm.classes).resolve(erm.classes))
    found = erm.predict_proba(x, prior)
    assert torch.allclose(found.sum(1), torch.ones(len(x)), atol=1e-6)
    assert float((found - truth).abs().mean()) < 0.04


def test_a_published_post_hoc_recipe_is_not_corrected_twice(erm):
    shifted = train(recipes.logit_adjustment(toy_stage()), toy_net(), toy())
    x = toy(1).x
    assert shifted.assumed_prior is not None
    for prior in ("natural", "balanced"):
        assert torch.allclose(shifted.predict_proba(x, prior), erm.predict_proba(x, prior), atol=1e-5)
    assert not torch.equal(shifted.logits(x).argmax(1), erm.logits(x).argmax(1))


def test_a_recipe_without_a_closed_form_is_calibrated_on_held_out_data():
    made = recipes.focal(toy_stage())
    bare = train(made, toy_net(), toy())
    assert bare.prior_source == "none"
    with pytest.raises(ValueError, match="held-out"):
        bare.predict_proba(toy().x)
    fitted = train(made, toy_net(), toy(), held=toy(2))
    assert fitted.prior_source == "fitted"
    x = toy(1, (300, 300, 300)).x
    assert (
        float((fitted.predict_proba(x, "balanced") - bayes(x, torch.full((3,), 1 / 3))).abs().mean()) < 0.06
    )
    assert torch.equal(fitted.logits(x), bare.logits(x))


def test_bad_priors(erm):
    x = toy().x[:2]
    with pytest.raises(ValueError, match="must be 'natural', 'balanced'"):
        erm.predict_proba(x, "even")
    with pytest.raises(ValueError, match="one number for each of 3 classes"):
        erm.predict_proba(x, [0.5, 0.5])
    with pytest.raises(ValueError, match="sums to 2"):
        erm.predict_proba(x, [1.0, 0.5, 0.5])
    with pytest.raises(ValueError, match="holds numbers from 0 on"):
        erm.predict_proba(x, [1.5, -0.5, 0.0])


def test_a_class_never_seen_gives_finite_probabilities():
    from longtail.examples import Examples
    from longtail.labels import Labels

    data = toy()
    wide = Examples(data.x, Labels.of(data.labels.y, num_classes=4))
    net = toy_net()
    net.head = torch.nn.Linear(8, 4)
    outcome = train(recipes.erm(toy_stage(3)), net, wide)
    for prior in ("natural", "balanced"):
        found = outcome.predict_proba(data.x, prior)
        assert bool(torch.isfinite(found).all())


def test_a_class_never_seen_is_not_predicted_everywhere():
    from longtail.examples import Examples
    from longtail.labels import Labels

    data, net = toy(), toy_net()
    wide = Examples(data.x, Labels.of(data.labels.y, num_classes=4))
    net.head = torch.nn.Linear(8, 4)
    for recipe in (recipes.erm, recipes.logit_adjustment):
        decided = train(recipe(toy_stage(4)), net, wide).predict(data.x, "balanced")
        assert float((decided == 3).float().mean()) < 0.05


def test_fractional_tau_lies_in_between():
    made = recipes.erm(toy_stage(2)).but(finish=(part(PriorShift, to="balanced", tau=0.5),))
    prior = train(made, toy_net(), toy()).assumed_prior
    expected = toy().labels.prior.sqrt()
    assert torch.allclose(prior, expected / expected.sum(), atol=1e-6)
