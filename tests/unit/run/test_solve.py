"""Solved stages: the optimum of the recipe's own objective, not where a number of steps happens to end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from longtail import recipes
from longtail.backbones import Identity
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.kinds.table import stage as embeddings
from longtail.labels import Labels
from longtail.losses import GHMC, CrossEntropy
from longtail.net import Net
from longtail.optim import LBFGS
from longtail.own_net import on_rows
from longtail.part import part
from longtail.recipe import Recipe
from longtail.run import train, train_stages
from longtail.run.solve import may_be_solved, row_by_row
from longtail.testing.recipe import toy, toy_stage


def long_tail(n: int = 800, d: int = 5, seed: int = 0) -> Examples:
    r = np.random.default_rng(seed)
    y = r.choice(3, n, p=[0.8, 0.15, 0.05])
    x = r.normal(size=(n, d))
    x[:, 0] += y
    return Examples(torch.tensor(x).float(), Labels.of(y), "toy")


def net_for(data: Examples) -> Net:
    torch.manual_seed(0)
    return Net(Identity(data.x.shape[1]), Linear(data.x.shape[1], data.labels.num_classes))


def solved_by(recipe: Recipe, data: Examples, c: float = 1.0) -> tuple[torch.Tensor, dict]:
    stages = tuple(s.but(solve=part(LBFGS, c=c)) for s in recipe.stages)
    outcome = train(recipe.but(stages=stages), net_for(data), data)
    return outcome.net(data.x).detach(), outcome.history[-1]


@pytest.mark.parametrize(
    "recipe, weight", [("erm", None), ("weighted_ce", "balanced"), ("class_balanced_sampling", "balanced")]
)
def test_a_solved_head_is_scikit_learn_s_logistic_regression(recipe: str, weight: str | None) -> None:
    """Re-weighting and re-sampling have one optimum: that of scikit-learn with balanced weights."""
    data = long_tail()
    logits, event = solved_by(getattr(recipes, recipe)(embeddings(len(data))), data)
    model = LogisticRegression(C=1.0, class_weight=weight, tol=1e-8, max_iter=5000)
    want = model.fit(data.x.numpy(), data.labels.y.numpy()).predict_proba(data.x.numpy())
    assert event["converged"]
    np.testing.assert_allclose(torch.softmax(logits, 1).numpy(), want, atol=2e-4)


def test_few_rows_are_trained_as_well_as_scikit_learn_trains_them() -> None:
    """On 1,000 rows with 5 % rare, ten epochs put every row into one class once the prior was set."""
    from longtail import LongTailClassifier

    r = np.random.default_rng(1)
    y = (r.random(1000) < 0.05).astype(int)
    x = r.normal(size=(1000, 64))
    x[:, 0] += 1.5 - 3 * y
    y_test = np.repeat([0, 1], 2000)
    x_test = r.normal(size=(4000, 64))
    x_test[:, 0] += 1.5 - 3 * y_test
    for recipe in ("erm", "balanced-softmax", "weighted-ce", "ldam-drw", "focal", "crt"):
        model = LongTailClassifier(recipe, kind="embedding", prior="balanced", random_state=0).fit(x, y)
        right = model.predict(x_test) == y_test
        # Without a closed form the prior is fitted on ten rare rows, which costs balance.
        fitted = recipe in ("ldam-drw", "focal")
        assert min(right[y_test == 0].mean(), right[y_test == 1].mean()) > (0.7 if fitted else 0.8), recipe
        assert right.mean() > (0.85 if fitted else 0.88), recipe


def test_a_strong_penalty_is_chosen_where_the_columns_say_nothing() -> None:
    r = np.random.default_rng(0)
    noise = Examples(torch.tensor(r.normal(size=(120, 60))).float(), Labels.of(r.choice(2, 120)), "noise")
    outcome = train(recipes.erm(embeddings(120)), net_for(noise), noise)
    assert outcome.history[-1]["c"] == 0.01
    signal = long_tail(3000, 4)
    assert train(recipes.erm(embeddings(3000)), net_for(signal), signal).history[-1]["c"] > 0.01


def test_a_solution_that_ran_out_of_iterations_says_so() -> None:
    data = long_tail()
    stage = embeddings(len(data)).but(solve=part(LBFGS, c=10.0, iterations=1, tolerance=1e-9))
    assert train(recipes.erm(stage), net_for(data), data).history[-1]["converged"] is False


def test_what_is_no_mean_over_single_rows_is_stepped_through() -> None:
    data = long_tail()
    base = embeddings(len(data), epochs=2)
    assert row_by_row(net_for(data), CrossEntropy(), data.x, data.labels.y)
    assert not row_by_row(net_for(data), GHMC(momentum=0.5), data.x, data.labels.y)
    assert not may_be_solved(recipes.mixup(base).stages[0])
    assert not may_be_solved(recipes.sam(base).stages[0])
    for recipe in (recipes.ghm, recipes.mixup, recipes.seesaw):
        assert len(train(recipe(base), net_for(data), data).history) == 2, recipe


def test_the_same_key_gives_the_same_solution() -> None:
    data = long_tail(300)
    first, second = (
        train(recipes.focal(embeddings(300)), net_for(data), data).net.state_dict() for _ in "ab"
    )
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_a_net_that_makes_float32_of_its_inputs_takes_steps():
    """A net of the user's own is given float32, and the solver computes in float64."""
    data = toy()
    net = on_rows(Net(nn.Flatten(), nn.Linear(2, 3)), data.x, 0)
    history = train_stages(Recipe("own", (toy_stage(2).but(solve=part(LBFGS)),)), net, data).history
    assert len(history) == 2
    assert "converged" not in history[0]
