"""Recipes as they are asked for: what each becomes, and what it is called."""

from functools import partial

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from longtail import classical, recipes
from longtail.catalogue import about, classical_prior, known_recipes
from longtail.chosen import pick
from longtail.classical import Classical
from longtail.kinds.table import stage as tabular
from longtail.losses import CrossEntropy
from longtail.part import part


def my_loss(base):
    return recipes.erm(base.but(loss=part(CrossEntropy, label_smoothing=0.2)))


def my_forest():
    return classical.random_forest(trees=7)


def made(recipe):
    return recipe if isinstance(recipe, Classical) else recipe(tabular())


@pytest.mark.parametrize(
    ("asked", "name", "same"),
    [
        ("erm", "erm", recipes.erm),
        ("focal:gamma=1", "focal:gamma=1", partial(recipes.focal, gamma=1.0)),
        ("leap:head=none:scale=20", "leap:head=none:scale=20", partial(recipes.leap, head=None, scale=20.0)),
        ("logistic:c=0.1", "logistic:c=0.1", classical.logistic(c=0.1)),
        ("smote+logistic:c=3:neighbours=2", "smote+logistic:c=3:neighbours=2",
         classical.resampled("smote", classical.logistic(c=3.0), neighbours=2)),
        ("near-miss+random-forest:trees=9", "near-miss+random-forest:trees=9",
         classical.resampled("near_miss", classical.random_forest(trees=9))),
        (my_loss, "my-loss", my_loss),
        (partial(recipes.focal, gamma=0.5), "focal:gamma=0.5", partial(recipes.focal, gamma=0.5)),
        (recipes.crt(tabular()).but(name="frozen"), "frozen", recipes.crt),
        (my_forest, "my-forest", classical.random_forest(trees=7)),
        (classical.rus_boost, "rus-boost", classical.rus_boost()),
        (partial(classical.resampled, "tomek", classical.logistic()), "resampled",
         classical.resampled("tomek", classical.logistic())),
        (classical.logistic(c=2.0).but(name="two"), "two", classical.logistic(c=2.0)),
        (LogisticRegression(C=2.0), "logistic-regression", Classical.of(LogisticRegression(C=2.0))),
        (partial(LogisticRegression, C=2.0), "logistic-regression:C=2.0", Classical.of(LogisticRegression(C=2.0))),
        (make_pipeline(StandardScaler(), LogisticRegression()), "standard-scaler+logistic-regression",
         Classical.of(make_pipeline(StandardScaler(), LogisticRegression()))),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_it_becomes(asked, name, same):
    for given in (asked, [asked]):
        ((found, recipe),) = pick(given).items()
        assert found == name
        recipe = recipe if not callable(recipe) else recipe(tabular())
        assert recipe.digest == made(same).digest
    ((found, recipe),) = pick({"mine": asked}).items()
    assert found == "mine"
    assert (recipe if not callable(recipe) else recipe(tabular())).digest == made(same).digest


def test_settings_that_are_the_defaults_are_the_same_recipe():
    known = known_recipes()
    for name, text in (("focal", "focal:gamma=2"), ("gradient-boosting", "gradient-boosting:rounds=100")):
        assert made(pick(text)[text]).digest == made(known[name]).digest


@pytest.mark.parametrize(
    ("asked", "kind", "said"),
    [
        (["focall"], ValueError, "there is no 'focall'; did you mean 'focal'?"),
        (["focal:gama=1"], ValueError, "focal has no setting 'gama'; did you mean 'gamma'?; its settings are gamma"),
        (["smote+logistic:k=1"], ValueError, "its settings are neighbours, values, c, class_weight, iterations"),
        (["smote+erm:x=1"], ValueError, "there is no estimator 'erm'"),
        (["gradient-boosting:rounds=0"], ValueError, "'gradient-boosting:rounds=0': rounds=0 must be at least 1"),
        ([LogisticRegression], TypeError, "LogisticRegression is a class: give an estimator, LogisticRegression()"),
        ([LinearSVC()], TypeError, "LinearSVC has no predict_proba"),
        ([StandardScaler()], TypeError, "StandardScaler has no predict_proba"),
        ([LogisticRegression(), LogisticRegression(C=2)], ValueError, "two are called 'logistic-regression'"),
        ([recipes.erm, my_loss, my_loss], ValueError, "two are called 'my-loss': give a dict"),
        ([lambda base: recipes.erm(base)], ValueError, "a lambda has no name: give a dict"),
        ([partial(recipes.ssp_rotation, then=recipes.crt)], ValueError, "has no short name: give a dict"),
        ([3], TypeError, "3 is no recipe"),
        ([classical.resampled], TypeError, "'resampled' needs method, estimator"),
        ({"mine": LogisticRegression(class_weight=lambda y: y)}, TypeError, "class_weight=<function"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_none_says_so(asked, kind, said):
    with pytest.raises(kind, match="recipes: ") as why:
        pick(asked)
    assert said in str(why.value)


def test_a_function_that_gives_something_else_is_named():
    from longtail.comparison.study import made

    with pytest.raises(TypeError, match="recipes: 'odd' gave a Stage, where a Recipe is needed"):
        made(pick({"odd": lambda base: base})["odd"], tabular(), "odd")


def test_what_is_said_of_them():
    found = pick(["focal:gamma=1", "smote+logistic:c=1", LogisticRegression(C=2.0)])
    words = {name: about(name, recipe) for name, recipe in found.items()}
    assert "Lin et al." in words["focal:gamma=1"]["paper"]
    assert words["smote+logistic:c=1"]["paper"].startswith("Chawla")
    assert words["logistic-regression"]["summary"] == "LogisticRegression(C=2.0)"
    own = partial(Classical.of, LogisticRegression())
    assert [classical_prior(own(prior=p)) for p in (None, "natural", "balanced", [0.5, 0.5])] == [
        "fitted on held-out rows", "natural", "balanced", "as it was stated",
    ]  # fmt: skip
    house = Classical.of(LogisticRegression(), "random-forest")  # the name of another's
    assert about("random-forest", house)["summary"] == "LogisticRegression()"
