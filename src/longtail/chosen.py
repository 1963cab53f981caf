"""The recipes that were asked for: names with or without settings, functions, partials, estimators; one or several."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from longtail.catalogue import PLAIN, asks_all, known_recipes, on_resampled, unsuited
from longtail.classical import Classical
from longtail.classical.estimators import Resampled
from longtail.classical.written import house_name, is_estimator
from longtail.comparison.study import RecipeLike
from longtail.data import Dataset
from longtail.part import Part
from longtail.protocol import Backbone
from longtail.recipe import Recipe
from longtail.settings import Plain, known_settings, read, taken_apart, written_down
from longtail.words import nearest

Asked = Any
"""A name (``longtail recipes`` lists them), one with settings (``focal:gamma=1``), a function from a base stage to a
``Recipe``, a ``functools.partial`` of one, a ``Recipe``, a ``Classical``, or a classifier with ``fit`` and
``predict_proba``."""


def pick(asked: Asked, dataset: Dataset | None = None, backbone: Backbone = None) -> dict[str, RecipeLike]:
    """Recipes by the name that tables show.

    Args:
        asked: one recipe, several in a list, or several by name in a dict. "all" is those that the data can have.
        dataset, backbone: for "all"; None is any.

    A string is its own name. That of a function or an estimator comes from it: ``my_loss`` is ``my-loss``,
    ``partial(recipes.focal, gamma=1.0)`` is ``focal:gamma=1.0``, ``LogisticRegression()`` is ``logistic-regression``, and
    a pipeline has its steps' names.

    Raises:
        ValueError: no recipe of that name, an unknown setting, or two recipes of one name.
        TypeError: something that is no recipe.

    >>> list(pick(["erm", "focal:gamma=1", "smote+gradient-boosting:rounds=50"]))
    ['erm', 'focal:gamma=1', 'smote+gradient-boosting:rounds=50']
    """
    known = known_recipes()
    if isinstance(asked, Mapping):
        return {str(name): resolved(one, known, str(name))[1] for name, one in asked.items()}
    several = list(asked) if isinstance(asked, list | tuple) else [asked]
    if asks_all(several):
        out = {} if dataset is None else unsuited(dataset, backbone)
        return {name: r for name, r in known.items() if name not in out}
    found: dict[str, RecipeLike] = {}
    for one in several:
        name, recipe = resolved(one, known)
        if name in found and not isinstance(one, str):
            raise ValueError(
                f"recipes: two are called {name!r}: give a dict of names, {{'{name}-1': ..., '{name}-2': ...}}"
            )
        found[name] = recipe
    return found


def resolved(one: Asked, known: Mapping[str, RecipeLike], name: str | None = None) -> tuple[str, RecipeLike]:
    """A recipe and its name: ``name``, or the one that it brings."""
    if isinstance(one, str):
        return name or one, by_name(one, known)
    if isinstance(one, Recipe | Classical):
        return name or one.name, one
    if is_estimator(one):  # a class among them, which is refused
        try:
            made = Classical.of(one, name)
        except (TypeError, ValueError) as why:
            raise type(why)(f"recipes: {name + ': ' if name else ''}{why}") from None
        return made.name, made
    if not callable(one):
        raise TypeError(
            f"recipes: {one!r} is no recipe: give a name, a function from a base stage to a Recipe, or a classifier with "
            "fit and predict_proba"
        )
    name = name or _name_of(one)
    left = _required(one, name)
    if not left:  # a function that makes a classical recipe, or an estimator
        return name, resolved(one(), known, name)[1]
    if len(left) > 1:
        raise TypeError(
            f"recipes: {name!r} needs {', '.join(left)}: a recipe is a function of the base stage alone; give the rest "
            "with functools.partial"
        )
    return name, one


def by_name(text: str, known: Mapping[str, RecipeLike]) -> RecipeLike:
    """The recipe that a string names, with the settings in it.

    Raises:
        ValueError: no such recipe or setting.

    >>> by_name("focal:gamma=1", known_recipes()).keywords
    {'gamma': 1.0}
    """
    name, given = taken_apart(text)
    recipe = known.get(name)
    if recipe is None and "+" in name:
        recipe = on_resampled(
            name, {k: r for k, r in known.items() if isinstance(r, Classical) and k in PLAIN}
        )
    if recipe is None:
        raise ValueError(
            f"recipes: there is no {name!r}{nearest(name, known)}; `longtail recipes` lists them: {', '.join(known)}"
        )
    if not given:
        return recipe
    if isinstance(recipe, Classical):
        return _set(recipe.but(name=text), given)
    assert callable(recipe)
    return partial(recipe, **read(text, given, known_settings(recipe)))


def _set(recipe: Classical, given: Mapping[str, str]) -> Classical:
    """A classical recipe with settings: of its estimator, or of the resampling before it."""
    target = recipe.estimator
    resampled = target.target is Resampled
    inner: Part[Any] = target["estimator"] if resampled else target
    own, outer = _of_part(inner), _of_part(target) if resampled else {}
    values = read(recipe.name, given, {**outer, **own})
    changed = inner.but(**{k: v for k, v in values.items() if k in own})
    if resampled:
        rest = {k: v for k, v in values.items() if k not in own}
        changed = target.but(estimator=changed, **rest)
    try:
        changed.build()
    except ValueError as why:
        raise ValueError(f"recipes: {recipe.name!r}: {why}") from None
    return recipe.but(estimator=changed)


def _of_part(target: Part[Any]) -> dict[str, Plain]:
    return known_settings(target.target, but=("method",))


def _name_of(call: Callable[..., Any]) -> str:
    """The name of a function in the house's style; a partial's with what it sets."""
    if isinstance(call, partial):
        if all(v is None or isinstance(v, bool | int | float | str) for v in call.keywords.values()):
            return written_down(_name_of(call.func), call.keywords)
        raise ValueError(f"recipes: {call} has no short name: give a dict of names, {{'mine': ...}}")
    if isinstance(call, type):
        return house_name(call)
    name = getattr(call, "__name__", type(call).__name__)
    if name == "<lambda>":
        raise ValueError("recipes: a lambda has no name: give a dict of names, {'mine': ...}")
    return name.strip("_").replace("_", "-")


def _required(call: Callable[..., Any], name: str) -> list[str]:
    """The parameters that a function cannot do without."""
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        raise TypeError(f"recipes: {name!r} is no function of a base stage") from None
    return [
        p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]
