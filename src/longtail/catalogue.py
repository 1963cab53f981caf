"""The catalogue: every recipe by its name, deep and classical, and what can be said of it in a line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from longtail import classical, recipes
from longtail.adjust import Thresholds
from longtail.classical import Classical
from longtail.comparison.plan import RecipeLike
from longtail.labels import Labels
from longtail.part import part
from longtail.protocol import tabular
from longtail.recipe import Recipe
from longtail.run.chain import carried_prior

FIRST = (
    "erm", "weighted-ce", "class-balanced-sampling", "focal", "balanced-softmax", "logit-adjustment", "tau-norm", "crt",
    "ldam-drw", "logistic", "random-forest", "gradient-boosting",
)  # fmt: skip
"""What ``compare`` runs when no recipes are named."""


CLASSICAL = (
    classical.logistic,
    classical.random_forest,
    classical.gradient_boosting,
    classical.logistic_balanced,
    classical.random_forest_balanced,
    classical.gradient_boosting_balanced,
    classical.balanced_random_forest,
    classical.balanced_bagging,
    classical.easy_ensemble,
    classical.rus_boost,
)


def known_recipes() -> dict[str, RecipeLike]:
    """Every recipe by its name on the command line, in the order tables show them."""
    deep: dict[str, RecipeLike] = {f.__name__.replace("_", "-"): f for f in recipes.ALL}
    made = [f(finish=(part(Thresholds, metric="macro_f1"),)) for f in CLASSICAL]
    return deep | {c.name: c for c in made}


def pick(names: Sequence[str] | Mapping[str, RecipeLike] | None) -> dict[str, RecipeLike]:
    """Recipes by name; None takes the first dozen (nine deep, three classical).

    Raises:
        ValueError: no recipe of that name.
    """
    known = known_recipes()
    if names is None:
        return {name: known[name] for name in known if name in FIRST}
    if isinstance(names, Mapping):
        return dict(names)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(
            f"recipes: there is no {unknown[0]!r}; `longtail recipes` lists them: {', '.join(known)}"
        )
    return {name: known[name] for name in names}


def about(name: str, recipe: RecipeLike) -> dict[str, str]:
    """Title, paper and one line on a recipe, from its own documentation."""
    if isinstance(recipe, Classical):
        doc = getattr(classical, name.replace("-", "_")).__doc__ or "" if name in known_recipes() else ""
    else:
        module = sys.modules.get(getattr(recipe, "__module__", ""), None) if callable(recipe) else None
        doc = (module.__doc__ if module is not None else None) or ""
    first = doc.strip().split("\n", 1)[0]
    paper = [line.removeprefix("Paper:").strip() for line in doc.splitlines() if line.startswith("Paper:")]
    return {"title": name, "paper": paper[0] if paper else "", "summary": first.partition(": ")[2] or first}


def listing() -> list[dict[str, str]]:
    """Every recipe: name, paper, the prior its logits carry, and one line."""
    toy, rows = Labels.of([0] * 8 + [1] * 2), []
    for name, recipe in known_recipes().items():
        if isinstance(recipe, Classical):
            prior = classical_prior(recipe)
        else:
            made = recipe if isinstance(recipe, Recipe) else recipe(tabular())
            prior = prior_words(carried_prior(made, toy), toy)
        rows.append({"name": name, **about(name, recipe), "prior": prior})
    return rows


def prior_words(prior: Any, labels: Any) -> str:
    """The prior of some logits in one word."""
    if prior is None:
        return "fitted on held-out rows"
    if abs(float(prior[0]) - float(labels.prior[0])) < 1e-6:
        return "natural"
    return "balanced" if abs(float(prior[0]) - 1 / labels.num_classes) < 1e-6 else "in between"


def classical_prior(recipe: Classical) -> str:
    """The prior of a classical recipe's probabilities in one word."""
    name, weight = recipe.estimator.target.__name__, dict(recipe.estimator.kwargs).get("class_weight")
    if name in ("EasyEnsemble", "RUSBoost") or (name == "RandomForest" and weight):
        return "fitted on held-out rows"
    return "balanced" if weight or name.startswith("Balanced") else "natural"
