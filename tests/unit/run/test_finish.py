"""What held-out rows say of a trained model: a claimed prior checked, calibrators carried over, one decision rule."""

import numpy as np
import pytest
import torch

from longtail import recipes
from longtail.adjust import Thresholds
from longtail.examples import Examples
from longtail.labels import Labels
from longtail.part import part
from longtail.run import train_stages
from longtail.run.finish import Calibrator, Sample, calibrated, check_claim, finish, fit_finish, refitted
from longtail.run.outcome import OFF
from longtail.testing.recipe import bayes, toy, toy_net, toy_stage


@pytest.fixture(scope="module")
def erm():
    return train_stages(recipes.erm(toy_stage()), toy_net(), toy())


def moved(outcome, off, temperature=1.0):
    """The same outcome whose logits of the rarest class are ``off`` too low, and over-confident."""
    net = toy_net()
    net.load_state_dict(outcome.net.state_dict())
    with torch.no_grad():
        net.head.weight.mul_(temperature)
        net.head.bias.mul_(temperature).sub_(torch.tensor([0.0, 0.0, off]))
    return outcome.but(net=net.eval())


def error(outcome, prior="balanced"):
    x = toy(1, (400, 400, 400)).x
    return float((outcome.predict_proba(x, prior) - bayes(x, torch.full((3,), 1 / 3))).abs().mean())


def test_a_true_claim_stands(erm):
    checked = finish(erm, toy(), fit_finish(erm, toy(), toy(2)))
    assert checked.prior_source == "closed form"
    assert checked.prior_checked["calibrated"] is False
    assert checked.prior_checked["shift"] < 0.3
    assert torch.equal(checked.predict_proba(toy(1).x), erm.predict_proba(toy(1).x))


@pytest.mark.parametrize("off, temperature", [(3.0, 1.0), (0.0, 3.0), (3.0, 3.0)])
def test_a_false_claim_is_seen_and_mended(erm, off, temperature):
    false = moved(erm, off, temperature)
    mended = finish(false, toy(), fit_finish(false, toy(), toy(2)))
    assert mended.prior_source == OFF
    assert mended.prior_checked["p"] < 1e-4
    assert mended.prior_checked["shift"] > off / 3
    assert error(mended) < 0.06 < error(false)


def test_true_claims_are_rarely_taken_for_false():
    """Labels drawn from the claimed probabilities themselves: one in a hundred may be called off."""
    rng = np.random.default_rng(0)
    prior, called = np.array([0.8, 0.15, 0.05]), 0
    from longtail.adjust import BiasTemperature

    for _ in range(200):
        y = rng.choice(3, 300, p=prior)
        z = 1.5 * (rng.normal(size=(300, 3)) + 1.5 * np.eye(3)[y]) + np.log(prior)
        fit = BiasTemperature().fit(z, y, prior=prior)
        called += check_claim(fit, z, y, prior)["calibrated"]
    assert called <= 6


def test_equal_models_are_calibrated_equally(erm):
    """Post-hoc logit adjustment is erm under the same prior, with a mended claim too."""
    false = moved(erm, 3.0)
    shifted = recipes.logit_adjustment(toy_stage())
    x = toy(1).x
    found = []
    for outcome in (false, false.but(recipe=shifted)):
        made = finish(outcome, toy(), fit_finish(outcome, toy(), toy(2)))
        assert made.prior_source == OFF
        found.append(made.predict_proba(x, "balanced"))
    assert torch.allclose(*found, atol=1e-5)


def test_held_rows_count_as_drawn_class_by_class(erm):
    """An inner split rounds the rows of a class: it says nothing of how frequent the class is."""
    held = toy(2, (200, 200, 200))
    assert calibrated(erm, toy(), held).adjuster is None
    false = moved(erm, 3.0)
    made = calibrated(false, toy(), held)
    mended = false.but(calibrator=made.adjuster)
    assert error(mended) < 0.06
    assert made.adjuster.assumed_prior == pytest.approx(toy().labels.prior.tolist())


def test_the_difference_form_follows_the_other_training(erm):
    """The inner model lacks the rarest class, the final one the middle one: each is matched to its own rows."""
    inner, final = moved(erm, 20.0), moved(erm, 0.0)
    with torch.no_grad():
        final.net.head.bias[1] -= 20.0
    fitted = fit_finish(inner, toy(), toy(2))
    assert error(refitted(final, toy(), fitted)) < 0.08
    assert error(finish(final, toy(), fitted)) > 0.3
    calibrator = next(f for f in fitted if isinstance(f, Calibrator))
    assert np.abs(calibrator.correction).max() < 1  # what the labels say beyond matching is little


def test_over_confidence_that_training_rows_do_not_show_is_corrected():
    """Training rows learnt by heart: their mean prediction is right whatever the bias; held-out labels know better."""
    g = torch.Generator().manual_seed(0)
    y = torch.repeat_interleave(torch.arange(2), torch.tensor([900, 100]))
    learnt = 4.0 * torch.nn.functional.one_hot(y, 2) + 0.1 * torch.randn(1000, 2, generator=g)
    net = toy_net()
    net.backbone, net.head = torch.nn.Identity(), torch.nn.Linear(2, 2)
    with torch.no_grad():
        net.head.weight.copy_(torch.eye(2))
        net.head.bias.zero_()
    data = Examples(learnt, Labels.of(y), "learnt by heart")
    outcome = train_stages(recipes.focal(toy_stage(1)), net, data).but(net=net.eval())
    z = torch.tensor([4.0, 0.0]) + torch.randn(1000, 2, generator=g) + 2.5 * torch.nn.functional.one_hot(y, 2)
    fitted = fit_finish(outcome, data, Examples(z, Labels.of(y), "held"))
    p = refitted(outcome, data, fitted).predict_proba(z, "natural").double()
    assert abs(float(p.mean(0)[1]) - 0.1) < 0.03


def test_one_rule_decides_and_equal_numbers_decide_equally(erm):
    rule = part(Thresholds, metric="macro_f1")
    ruled = finish(erm, toy(), fit_finish(erm, toy(), toy(2), decide=rule))
    assert ruled.decided_by == "thresholds"
    x, natural = toy(1).x, toy().labels.prior
    by_name = ruled.predict(x, "natural")
    assert torch.equal(by_name, ruled.predict(x, natural.tolist()))
    assert not torch.equal(by_name, ruled.predict_proba(x).argmax(1))
    for prior in ("balanced", [0.2, 0.2, 0.6]):
        assert torch.equal(ruled.predict(x, prior), ruled.predict_proba(x, prior).argmax(1))
    assert erm.decided_by == "the most probable class"


def test_copies_of_a_row_are_no_further_witnesses(erm):
    """Ten rows that a true model happens to get wrong contradict it only if they count thirty times each."""
    rows = toy(2)
    natural = erm.classes.prior
    p = torch.softmax(erm.as_natural(erm.logits(rows.x)).double(), 1)
    unlikely = (p[torch.arange(len(rows)), rows.labels.y] / natural[rows.labels.y]).argsort()[:10]
    few = rows.take(unlikely)
    copies = few.take(torch.arange(len(few)).repeat(30))
    every = finish(erm, toy(), fit_finish(erm, toy(), copies))
    once = finish(erm, toy(), fit_finish(erm, toy(), copies, sample=Sample(copies=30.0)))
    alone = finish(erm, toy(), fit_finish(erm, toy(), few))
    assert once.prior_checked == pytest.approx(alone.prior_checked, abs=1e-6)
    assert once.prior_checked["p"] > 1e6 * every.prior_checked["p"]


def test_copies_count_in_what_is_fitted_for_rows_to_come_repeat_too(erm):
    """A true model, and a frequent class whose easy rows are one row often repeated: it stays true."""
    x = toy(3, tuple(10 * n for n in toy().labels.counts.tolist())).x
    p = torch.softmax(erm.as_natural(erm.logits(x)).double(), 1)
    y = torch.multinomial(p, 1, generator=torch.Generator().manual_seed(0)).flatten()
    held = Examples(x, Labels.of(y, erm.classes.names))
    easy = (y == 0) & (p[:, 0] > p[:, 0].median())
    once = torch.cat([(~easy).nonzero().flatten(), easy.nonzero().flatten()[:1]])
    all_of_them = finish(erm, toy(), fit_finish(erm, toy(), held, sample=Sample(copies=len(y) / len(once))))
    assert not all_of_them.prior_checked["calibrated"]
    assert all_of_them.prior_checked["p"] > 0.01
    without = finish(erm, toy(), fit_finish(erm, toy(), held.take(once)))
    assert without.prior_checked["calibrated"]  # leaving the copies out would bend it


def test_rows_that_are_kept_out_of_the_held_part_together_do_not_move_the_prior(erm):
    """Half of a class is one row, many times over, and stays with the training rows: the rest is drawn as it was."""
    x = toy(3, tuple(10 * n for n in toy().labels.counts.tolist())).x
    p = torch.softmax(erm.as_natural(erm.logits(x)).double(), 1)
    y = torch.multinomial(p, 1, generator=torch.Generator().manual_seed(0)).flatten()
    rest = (p[:, 0] <= p[:, 0].quantile(0.6)).nonzero().flatten()
    held = Examples(x, Labels.of(y, erm.classes.names)).take(rest)
    by_rate = fit_finish(erm, toy(), held, sample=Sample(rates=np.full(3, 0.2)))
    assert not finish(erm, toy(), by_rate).prior_checked["calibrated"]
    by_share = finish(erm, toy(), fit_finish(erm, toy(), held))
    assert by_share.prior_checked["calibrated"]  # their shares say that the class is rarer than it is
    assert by_share.prior_checked["shift"] > 0.3
