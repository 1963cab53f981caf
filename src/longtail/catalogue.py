"""The catalogue: every recipe by its name, deep and classical, and what can be said of it in a line."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from longtail import classical, recipes
from longtail.classical import Classical
from longtail.classical.estimators import Own
from longtail.classical.estimators.resampled import ABOUT, EXACT, METHODS
from longtail.comparison.brings import brings
from longtail.comparison.study import RecipeLike, made
from longtail.data import Dataset
from longtail.kinds import KINDS, TABLE, kind_of
from longtail.kinds.start import base_stage
from longtail.labels import Labels
from longtail.part import Part
from longtail.protocol import Backbone
from longtail.recipe import Recipe, Stage
from longtail.run.prior import carried_prior
from longtail.run.suits import Given, refusal
from longtail.settings import known_settings, written_down
from longtail.words import nearest

FIRST = (
    "erm", "weighted-ce", "class-balanced-sampling", "focal", "balanced-softmax", "logit-adjustment", "tau-norm", "crt",
    "ldam-drw", "logistic", "random-forest", "gradient-boosting",
)  # fmt: skip
"""What ``compare`` runs when no recipes are named, where all of them suit the data: see :func:`first`."""

ON_WORDS = ("logistic-balanced", "random-under+logistic")
"""What it runs on n-grams in place of the tree ensembles."""

MANY_CLASSES = 20
"""Above so many classes gradient boosting, which grows a tree per class and round, is not run unless it is named."""


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
PLAIN = frozenset(f().name for f in CLASSICAL)
RESAMPLED = (
    "random-over+logistic", "random-under+logistic", "smote+logistic", "random-under+random-forest",
    "smote+random-forest", "random-under+gradient-boosting", "smote+gradient-boosting", "smotenc+gradient-boosting",
    "borderline-smote+gradient-boosting", "adasyn+gradient-boosting", "smote-enn+gradient-boosting",
    "smote-tomek+gradient-boosting",
)  # fmt: skip
"""The resampled recipes that are listed; any other ``METHOD+ESTIMATOR`` may be named just so."""


def known_recipes() -> dict[str, RecipeLike]:
    """Every recipe by its name on the command line, in the order tables show them."""
    deep: dict[str, RecipeLike] = {f.__name__.replace("_", "-"): f for f in recipes.ALL}
    estimators = {c.name: c for c in (f() for f in CLASSICAL)}
    return deep | estimators | {name: on_resampled(name, estimators) for name in RESAMPLED}


def on_resampled(name: str, estimators: Mapping[str, Classical]) -> Classical:
    """The recipe that ``METHOD+ESTIMATOR`` names: a classical recipe on resampled rows.

    Raises:
        ValueError: no such method or estimator.

    >>> on_resampled("near-miss+logistic", {"logistic": classical.logistic()}).name
    'near-miss+logistic'
    """
    method, _, estimator = name.partition("+")
    if estimator not in estimators:
        known = ", ".join(estimators)
        raise ValueError(
            f"recipes: {name!r}: there is no estimator {estimator!r}; there are {known}{nearest(estimator, estimators)}"
        )
    if method.replace("-", "_") not in METHODS:
        known = ", ".join(m.replace("_", "-") for m in METHODS)
        raise ValueError(f"recipes: {name!r}: there is no resampling {method!r}; there are {known}")
    return classical.resampled(method.replace("-", "_"), estimators[estimator])


def first(dataset: Dataset, backbone: Backbone = None) -> tuple[list[str], str | None]:
    """The recipes to run on a data set when none are named, and what was left out and why.

    Trees are slow and weak on n-grams, gradient boosting is slow on many classes, and no classical recipe reads tokens.

    >>> from longtail.data import Dataset
    >>> texts = Dataset.of("toy", "text", ["good", "bad"], Labels.of([1, 0]))
    >>> first(texts)[0][-3:]
    ['logistic', 'logistic-balanced', 'random-under+logistic']
    """
    form = brings(dataset, backbone).form
    if form == "tokens":
        out = [name for name in FIRST if name in PLAIN]
        return [n for n in FIRST if n not in out], f"not run, for they cannot read tokens: {', '.join(out)}"
    remedy = "name them with --recipes (recipes=... in Python) to run them"
    if form == "sparse":
        out = [name for name in FIRST if name in PLAIN and name != "logistic"]
        names = [*(n for n in FIRST if n not in out), *ON_WORDS]
        return names, f"not run, for trees are slow on words: {', '.join(out)}; {remedy}"
    classes = dataset.labels.num_classes
    if classes > MANY_CLASSES:
        out = ["gradient-boosting"]
        why = f"not run, for it is slow with {classes} classes: gradient-boosting; {remedy}"
        return [n for n in FIRST if n not in out], why
    return list(FIRST), None


def asks_all(names: str | Sequence[str] | Mapping[str, RecipeLike] | None) -> bool:
    """Does it name all recipes, ``"all"``?"""
    return not isinstance(names, Mapping) and names is not None and (names == "all" or list(names) == ["all"])


def unsuited(dataset: Dataset, backbone: Backbone = None) -> dict[str, str]:
    """The recipes that these data cannot have, and why: some need images, some rows without labels.

    >>> from longtail.data import Dataset
    >>> texts = Dataset.of("toy", "text", ["good", "bad"], Labels.of([1, 0]))
    >>> unsuited(texts)["ssp-rotation"]
    'needs images, and this is text data'
    """
    given, base = brings(dataset, backbone), base_stage(dataset.kind, n=len(dataset), backbone=backbone)
    found = {name: refusal(made(r, base, name), given) for name, r in known_recipes().items()}
    return {name: said.why for name, said in found.items() if said is not None}


def without(dataset: Dataset, backbone: Backbone = None) -> str | None:
    """What "all" leaves out, in a sentence."""
    why: dict[str, list[str]] = {}
    for name, reason in unsuited(dataset, backbone).items():
        why.setdefault(reason, []).append(name)
    said = "; ".join(f"{', '.join(names)} ({reason})" for reason, names in why.items())
    return f"not run, for these data cannot have them: {said}" if said else None


def about(name: str, recipe: RecipeLike) -> dict[str, str]:
    """Title, paper and one line on a recipe, from its own documentation."""
    if isinstance(recipe, Classical):
        return {"title": name, **about_classical(recipe)}
    call = recipe.func if isinstance(recipe, partial) else recipe
    module = sys.modules.get(getattr(call, "__module__", ""), None) if callable(call) else None
    doc = (module.__doc__ if module is not None else None) or ""
    first = one_line(doc.strip().split("\n\n", 1)[0])
    return {"title": name, "paper": paper_of(doc), "summary": first.partition(": ")[2] or first}


def paper_of(doc: str) -> str:
    """What stands behind "Paper:" in a docstring, up to the next empty line or entry.

    >>> paper_of("A loss.\\n\\nPaper: A. and B., Losses,\\n2020.\\nClaim: good.")
    'A. and B., Losses, 2020.'
    """
    found = re.search(r"^Paper: (.+?)(?=\n\s*\n|\n\w[\w ]*:|\Z)", doc, re.S | re.M)
    return one_line(found[1]) if found else ""


def one_line(text: str) -> str:
    return " ".join(text.split())


def about_classical(recipe: Classical) -> dict[str, str]:
    """Paper and one line on a classical recipe: its function's documentation, and the resampling before it."""
    if recipe.estimator.target is Own:
        return {"paper": "", "summary": one_line(repr(recipe.estimator["estimator"].build()))}
    method, _, estimator = recipe.name.partition(":")[0].rpartition("+")
    found = getattr(classical, estimator.replace("-", "_"), None)
    doc = inspect.getdoc(found) if callable(found) and estimator in PLAIN else ""
    first, paper = one_line((doc or "").split("\n\n", 1)[0]), paper_of(doc or "")
    if method and first:
        words, paper = ABOUT[method.replace("-", "_")]
        first = f"{words}, then {first[0].lower()}{first[1:]}"
    return {"paper": paper, "summary": first}


def settings_of(recipe: RecipeLike) -> dict[str, Any]:
    """What a string can set of a recipe, and what it is without.

    >>> settings_of(recipes.cb_focal)
    {'gamma': 1.0, 'beta': 0.9999}
    """
    if isinstance(recipe, Recipe):
        return {}
    if not isinstance(recipe, Classical):
        defaults = inspect.signature(recipe).parameters
        return {name: defaults[name].default for name in known_settings(recipe)}
    target = recipe.estimator
    found: dict[str, Any] = {}
    for one in (target, dict(target.kwargs).get("estimator")):
        if isinstance(one, Part) and one.target not in (Own,):
            defaults = inspect.signature(one.target).parameters
            own = {name: defaults[name].default for name in known_settings(one.target)}
            found |= {name: dict(one.kwargs).get(name, value) for name, value in own.items()}
    return found


FAMILIES = (
    "the yardstick", "another loss", "another order of rows", "mixed or changed rows", "after training",
    "stage after stage", "another way to learn", "another optimiser", "classical", "classical, on resampled rows",
)  # fmt: skip
"""What a recipe changes; in this order they are listed."""

CHANGES = {
    "objective": "another way to learn",
    "loss": "another loss",
    "streams": "another order of rows",
    "mix": "mixed or changed rows",
    "augment": "mixed or changed rows",
}
"""A field of a stage, and the family of a recipe that changes it; the first that differs counts."""


def family(recipe: RecipeLike, base: Stage) -> str:
    """What a recipe changes, in words: one of ``FAMILIES``.

    >>> base = base_stage("table")
    >>> family(recipes.focal, base), family(recipes.crt, base), family(classical.logistic(), base)
    ('another loss', 'stage after stage', 'classical')
    """
    if isinstance(recipe, Classical):
        return "classical, on resampled rows" if "+" in recipe.name else "classical"
    found = recipe if isinstance(recipe, Recipe) else recipe(base)
    for name in ("objective", *(() if len(found.stages) > 1 else CHANGES)):
        if any(getattr(stage, name) != getattr(base, name) for stage in found.stages):
            return CHANGES[name]
    if len(found.stages) > 1:
        return "stage after stage"
    changes = ("optim", "average", "sharpness", "projection")
    if any(getattr(stage, name) != getattr(base, name) for stage in found.stages for name in changes):
        return "another optimiser"
    return "after training" if found.finish else "the yardstick"


def kinds_of(recipe: RecipeLike) -> tuple[str, ...]:
    """The kinds of data that can have a recipe.

    >>> kinds_of(recipes.ssp_rotation), len(kinds_of(recipes.focal))
    (('image',), 5)
    """
    found = []
    for name, kind in KINDS.items():
        pictures = kind.usual == "image"
        given = Given(kind.usual, name, maps=pictures, unlabelled=True, size=(32, 32) if pictures else None)
        if refusal(made(recipe, base_stage(name), ""), given) is None:
            found.append(name)
    return tuple(found)


def listing(kind: str | None = None, search: str | None = None) -> list[dict[str, str]]:
    """Every recipe: name, paper, the prior its logits carry, its settings, one line, its family, and the kinds of
    data that can have it.

    Args:
        kind: "table", "text", "image" or "embedding": only recipes that such data can have.
        search: only recipes that have this in one of their texts, in capitals or not.

    Raises:
        ValueError: there is no such kind.
    """
    if kind is not None:
        kind_of(kind)
    toy, base, rows = Labels.of([0] * 8 + [1] * 2), base_stage(TABLE.name), []
    for name, recipe in known_recipes().items():
        if isinstance(recipe, Classical):
            prior = classical_prior(recipe)
        else:
            deep = recipe if isinstance(recipe, Recipe) else recipe(base)
            prior = prior_words(carried_prior(deep, toy), toy)
        settings = written_down("", settings_of(recipe)).removeprefix(":")
        facts = {"prior": prior, "settings": settings, "family": family(recipe, base)}
        rows.append({"name": name, **about(name, recipe), **facts, "kinds": ", ".join(kinds_of(recipe))})
    rows.sort(key=lambda row: FAMILIES.index(row["family"]))
    return [
        row
        for row in rows
        if (kind is None or kind in row["kinds"].split(", "))
        and (search is None or search.casefold() in " ".join(row.values()).casefold())
    ]


def prior_words(prior: Any, labels: Any) -> str:
    """The prior of some logits in one word."""
    if prior is None:
        return "fitted on held-out rows"
    if abs(float(prior[0]) - float(labels.prior[0])) < 1e-6:
        return "natural"
    return "balanced" if abs(float(prior[0]) - 1 / labels.num_classes) < 1e-6 else "in between"


def classical_prior(recipe: Classical) -> str:
    """The prior of a classical recipe's probabilities in one word."""
    name, given = recipe.estimator.target.__name__, dict(recipe.estimator.kwargs)
    weight = given.get("class_weight")
    if name == "Own" and given["prior"] is not None:
        return given["prior"] if isinstance(given["prior"], str) else "as it was stated"
    if name == "Resampled":
        inside = classical_prior(recipe.but(estimator=given["estimator"]))
        if given["method"] not in EXACT:
            return "fitted on held-out rows"
        return "of the resampled rows" if inside == "natural" else inside
    if name != "Logistic":
        return "fitted on held-out rows"
    return "balanced" if weight else "natural"
