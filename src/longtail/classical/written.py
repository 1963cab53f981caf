"""An estimator as a part: its class and parameters, written down, so that it can be built again, compared and hashed.

scikit-learn's rule makes it possible: a constructor's parameters are the estimator's attributes of the same names, and
``get_params`` gives them. What has no such form (an open file, a lambda) is refused: it would have no identity.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from longtail.own_code import code_digest
from longtail.part import Part, Value, part

MOST = 10_000
"""Numbers of an array that is written down."""


def written(value: Any, where: str = "estimator") -> Value:
    """A parameter's value, or a whole estimator, as a part that builds an equal one.

    Args:
        value: an estimator, a number, a string, a list, tuple or dict, an array, a function or class of a module.
        where: how to call it in an error.

    Raises:
        TypeError: it cannot be written down; the message names the parameter.

    >>> from sklearn.naive_bayes import GaussianNB
    >>> written(GaussianNB(priors=[0.5, 0.5]))
    GaussianNB(priors=as_list(items=(0.5, 0.5)), var_smoothing=1e-09)
    >>> written(GaussianNB(priors=[0.5, 0.5])).build().priors
    [0.5, 0.5]
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if value == value else part(as_nan)
    if isinstance(value, np.generic):
        return written(value.item(), where)
    if isinstance(value, tuple | list | set | frozenset):
        items = tuple(written(v, f"{where}[{k}]") for k, v in enumerate(_ordered(value)))
        return items if type(value) is tuple else part(BUILDERS[type(value)], items=items)
    if isinstance(value, Mapping):
        pairs = tuple((written(k, where), written(v, f"{where}[{k!r}]")) for k, v in value.items())
        return part(as_dict, pairs=pairs)
    if isinstance(value, slice):
        return part(slice_of, start=value.start, stop=value.stop, step=value.step)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU" and value.size <= MOST:
        return part(as_array, values=written(value.tolist(), where), dtype=value.dtype.str)
    if isinstance(value, partial):
        inside = (value.func, value.args, value.keywords)
        func, args, keywords = (written(v, where) for v in inside)
        return part(as_partial, func=func, args=args, keywords=keywords)
    if isinstance(value, type | np.ufunc) or (callable(value) and hasattr(value, "__qualname__")):
        return part(named, name=_importable(value, where), code=code_digest(value))
    return _object(value, where)


def is_estimator(value: Any) -> bool:
    """Does it have ``fit``, as estimators of scikit-learn's kind do?"""
    return callable(getattr(value, "fit", None))


def check_estimator(value: Any) -> None:
    """Raises TypeError unless it is an estimator with ``fit`` and ``predict_proba``; the message has the remedy."""
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    if isinstance(value, type):
        raise TypeError(f"{name} is a class: give an estimator, {name}()")
    if not is_estimator(value):
        raise TypeError(f"{name} has no fit: a recipe needs a classifier with fit and predict_proba")
    if not callable(getattr(value, "predict_proba", None)):
        raise TypeError(
            f"{name} has no predict_proba, and without probabilities no prior can be set: wrap it, "
            f"sklearn.calibration.CalibratedClassifierCV({name}(...))"
        )


def name_of_estimator(value: Any) -> str:
    """Its class's name in the house's style; of a pipeline, those of its steps.

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> name_of_estimator(KNeighborsClassifier())
    'k-neighbors-classifier'
    """
    steps = getattr(value, "steps", None)
    if isinstance(steps, list) and steps:
        return "+".join(name_of_estimator(step) for _, step in steps if is_estimator(step))
    return house_name(type(value))


def house_name(kind: type) -> str:
    """A class's name as recipes are called: ``LogisticRegression`` is ``logistic-regression``."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", kind.__name__)
    return words.strip("_").replace("_", "-").lower()


def as_list(items: tuple[Any, ...]) -> list[Any]:
    return list(items)


def as_set(items: tuple[Any, ...]) -> set[Any]:
    return set(items)


def as_frozenset(items: tuple[Any, ...]) -> frozenset[Any]:
    return frozenset(items)


def as_dict(pairs: tuple[tuple[Any, Any], ...]) -> dict[Any, Any]:
    return dict(pairs)


def as_partial(func: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return partial(func, *args, **keywords)


def as_nan() -> float:
    return float("nan")


def as_array(values: Any, dtype: str) -> Any:
    return np.array(values, dtype=dtype)


def slice_of(start: int | None, stop: int | None, step: int | None) -> slice:
    return slice(start, stop, step)


def named(name: str, code: str) -> Any:
    """The function or class ``"module:name"``, which was in memory when the recipe was written down; ``code`` is the
    digest of what it does, and counts for the identity alone.
    """
    module, _, called = name.partition(":")
    return getattr(importlib.import_module(module), called)


BUILDERS: dict[type, Any] = {list: as_list, set: as_set, frozenset: as_frozenset}


def _ordered(value: Any) -> Any:
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def _importable(value: Any, where: str) -> str:
    module, name = getattr(value, "__module__", None) or "numpy", value.__qualname__
    try:
        same = getattr(importlib.import_module(module), name) is value
    except (ImportError, AttributeError):
        same = False
    if not same:
        raise TypeError(
            f"{where}={value!r} cannot be written down: define it with a name at the top of a module, so that it can be "
            "found again"
        )
    return f"{module}:{name}"


def _object(value: Any, where: str) -> Part[Any]:
    """An estimator, or another object whose constructor's parameters are its attributes."""
    kind = type(value)
    if hasattr(value, "get_params"):
        given = value.get_params(deep=False)
    else:
        try:
            attributes, parameters = vars(value), inspect.signature(kind).parameters.values()
            stars = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
            given = {p.name: attributes[p.name] for p in parameters if p.kind not in stars}
        except (TypeError, ValueError, KeyError):
            random = "; give a whole number" if isinstance(value, np.random.RandomState) else ""
            raise TypeError(
                f"{where}={value!r} cannot be written down: it has no get_params, as BaseEstimator has, and "
                f"its constructor's parameters are not its attributes{random}"
            ) from None
    try:
        return part(kind, **{name: written(v, f"{where}.{name}") for name, v in given.items()})
    except ValueError as why:  # no signature to look at
        raise TypeError(f"{where}={value!r} cannot be written down: {why}") from None
