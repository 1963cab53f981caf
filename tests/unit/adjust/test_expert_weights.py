"""Weights of experts from unlabelled views: the gradient, the optimiser, and what they are for."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from longtail import recipes
from longtail.adjust import expert_weights
from longtail.adjust.expert_weights import agreement
from longtail.run import train
from longtail.surgery import WeighExperts
from longtail.testing.recipe import toy, toy_net, toy_stage
from longtail.weights import expert_priors


def views(n=300, k=3, c=5, seed=0):
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, k, c)) * 2
    return [base + rng.normal(size=base.shape) * np.array([0.2, 1.0, 2.0])[:, None] for _ in range(2)]


def test_the_gradient_is_autograd_s():
    one, two = views()
    w = torch.tensor([0.5, 0.2, 0.3], dtype=torch.float64, requires_grad=True)
    p, q = (torch.einsum("k,nkc->nc", w, torch.tensor(z)).softmax(1) for z in (one, two))
    value = F.cosine_similarity(p, q, dim=1).mean()
    value.backward()
    found, gradient = agreement(one, two, w.detach().numpy())
    assert found == pytest.approx(value.item(), rel=1e-12)
    assert np.allclose(gradient, w.grad.numpy(), rtol=1e-8, atol=1e-12)


def test_the_steps_are_torch_s_nesterov():
    one, two = views()
    a = torch.nn.Parameter(torch.full((3,), 1 / 3, dtype=torch.float64))
    sgd = torch.optim.SGD([a], lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    rng = np.random.default_rng(4)
    for _ in range(2):
        order = rng.permutation(300)
        for start in range(0, 300, 100):
            rows = order[start : start + 100]
            p, q = (
                torch.einsum("k,nkc->nc", a.softmax(0), torch.tensor(z[rows])).softmax(1) for z in (one, two)
            )
            sgd.zero_grad()
            (-F.cosine_similarity(p, q, dim=1).mean()).backward()
            sgd.step()
    found = expert_weights(one, two, epochs=2, batch=100, floor=0.0, seed=4)
    assert found == pytest.approx(a.softmax(0).tolist(), abs=1e-10)


def test_it_trusts_the_steady_expert_and_stops_at_the_floor():
    one, two = views()
    w = expert_weights(one, two, epochs=200, floor=0.05)
    assert sum(w) == pytest.approx(1)
    assert w[0] == max(w)
    assert w[2] == min(w)
    assert 0.03 < min(w) < 0.05  # the step that passed the floor was the last
    assert min(expert_weights(one, two, epochs=200, floor=0.0)) < min(w)
    assert expert_weights(torch.tensor(one), torch.tensor(two)) == expert_weights(one, two)


def test_equal_experts_keep_equal_weights():
    z = views()[0][:, :1].repeat(3, 1)
    assert expert_weights(z, z + 0.1) == pytest.approx((1 / 3,) * 3)


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (lambda a, b: expert_weights(a, b[:5]), "of one shape"),
        (lambda a, b: expert_weights(a[:, 0], b[:, 0]), "of one shape"),
        (lambda a, b: expert_weights(a, b * np.nan), "nan"),
        (lambda a, b: expert_weights(a, b, floor=0.4), "floor=0.4"),
    ],
)
def test_bad_arguments_say_what_they_got(bad, match):
    with pytest.raises(ValueError, match=match):
        bad(*views())


def test_sade_leans_to_the_expert_of_the_test_set_s_prior():
    """The use that the recipe's page shows, on test sets as long-tailed as training, and in reverse."""
    outcome = train(recipes.sade(toy_stage()), toy_net(), toy())
    lean = {}
    for name, counts in (("forward", (900, 225, 56)), ("backward", (56, 225, 900))):
        test, g = toy(5, counts), torch.Generator().manual_seed(0)
        noisy = [test.x + 0.3 * torch.randn(test.x.shape, generator=g) for _ in range(2)]
        with torch.no_grad():
            one, two = (outcome.net.head.each(outcome.net.backbone(view)) for view in noisy)
        weights = expert_weights(one, two)
        weigh = WeighExperts(weights, counts=outcome.classes.counts)
        better = outcome.but(net=weigh(outcome.net), assumed_prior=weigh.assumes(outcome.assumed_prior))
        lean[name] = weights[2] - weights[0]
        known = (outcome.predict(test.x, test.labels.prior) == test.labels.y).float().mean()
        log = expert_priors(outcome.classes.counts).log()
        mixed = (torch.tensor(weights, dtype=log.dtype) @ log).softmax(0)
        assert torch.allclose(better.assumed_prior, mixed)
        same = outcome.predict_proba(test.x, "balanced").argmax(1) == better.predict_proba(
            test.x, "balanced"
        ).argmax(1)
        assert same.float().mean() > 0.95  # whatever the weights, the prior that is taken out is theirs
        assert known >= (outcome.logits(test.x).argmax(1) == test.labels.y).float().mean()
    assert lean["backward"] > lean["forward"]
