"""One number for each class, however it is given: the one door for counts, priors, weights and costs.

A mapping or a pandas Series is taken by class, by name or by index, never by position: ``Series.value_counts()`` is
sorted by frequency, so its position says nothing. A plain list, array or tensor is in class order.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SHOWN = 8


def by_class(name: str, value: Any, names: Sequence[str] | None = None) -> Any:
    """``value`` in class order: a list where it was given by class, and itself where it is a plain sequence.

    Keys that are class names (as text, or the same number) are taken as names. If none is, all must be the indices
    0..C-1. Each class must have one.

    Args:
        name: of the argument, for the messages.
        value: a mapping, a pandas Series, or a sequence, array or tensor in class order.
        names: the class names in order; None: they are not known here, and keys are indices.

    Raises:
        ValueError: a class is missing or given twice, or a key is no class.
        TypeError: a set or a data frame, which have no order of classes, or a text.

    >>> by_class("counts", {"dog": 5, "cat": 90}, ["cat", "dog"])
    [90, 5]
    >>> by_class("counts", {1: 5, 0: 90})
    [90, 5]
    >>> by_class("counts", [90, 5], ["cat", "dog"])
    [90, 5]
    """
    if isinstance(value, str | bytes | set | frozenset):
        raise TypeError(
            f"{name}={value!r:.80} must be numbers by class, as {{'cat': 90, 'dog': 5}}, or a list in class order"
        )
    if not (callable(getattr(value, "items", None)) and callable(getattr(value, "keys", None))):
        return value
    if getattr(value, "ndim", 1) != 1:
        raise TypeError(
            f"{name} is a {type(value).__name__}: give one number for each class (one of its columns)"
        )
    keys, known = [key for key, _ in value.items()], names
    if names is None:
        known = [str(k) for k in range(len(keys))]
    order = _matched(name, keys, list(known or ()), names is not None)
    out: list[Any] = [None] * len(order)
    for place, (_, number) in zip(order, value.items()):
        out[place] = number
    return out


def read_by_class(path: str | Path, name: str, names: Sequence[str] | None = None) -> list[float]:
    """One number for each class from JSON: a list in class order, or an object by class.

    Args:
        path: the file.
        name: what the numbers are, for the messages.
        names: the class names in order; None takes the object's own order.

    Raises:
        ValueError: no JSON of numbers, a class missing or given twice.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as why:
        raise ValueError(f'{path}: {name} must be JSON, as {{"cat": 5000, "dog": 50}} ({why})') from None
    except OSError as why:
        raise type(why)(f"{path}: {name} cannot be read ({why.strerror})") from None
    numbers = list(data.values()) if isinstance(data, dict) else data
    if not isinstance(numbers, list) or (names is None and len(numbers) < 2):
        raise ValueError(
            f'{path}: {name} must be a list or an object of two classes or more, as {{"cat": 5000}}'
        )
    if bad := [
        v for v in numbers if isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v)
    ]:
        raise ValueError(
            f"{path}: {name} holds {bad[0]!r}, which is no number: each class needs its count or share"
        )
    try:
        found = by_class(name, data, list(data) if names is None and isinstance(data, dict) else names)
    except ValueError as why:
        raise ValueError(f"{path}: {why}") from None
    return list(found)


def places(keys: Sequence[Any], names: Sequence[str]) -> list[int | None]:
    """The class of each key: by name if one of them is a name, else by index; None where a key is neither.

    >>> places([5, 3], ["3", "5", "6"]), places([1, 0], ["cat", "dog"]), places([1, 0], ["1", "2"])
    ([1, 0], [1, 0], [0, None])
    """
    found = _places(keys, names)
    if all(place is None for place in found):
        found = _places(keys, [str(k) for k in range(len(names))])
    return found


def by_name(keys: Sequence[Any], names: Sequence[str]) -> bool:
    """Is one of the keys the name of a class? Else they are indices.

    >>> by_name([1, 0], ["cat", "dog"]), by_name(["dog"], ["cat", "dog"])
    (False, True)
    """
    return any(place is not None for place in _places(keys, names))


def _matched(name: str, keys: list[Any], names: list[str], named: bool) -> list[int]:
    """The class of each key."""
    classes = (
        f"the classes are {_shown(names)}" if named else "the keys must be the class indices 0, 1, 2 ..."
    )
    remedy = f"{classes}; or give a list in class order"
    found = places(keys, names)
    if None in found:
        raise ValueError(
            f"{name} has a number for {plain(keys[found.index(None)])!r}, which is no class: {remedy}"
        )
    count = Counter(found)
    if len(count) < len(found):
        twice = next(k for k, place in zip(keys, found) if count[place] > 1)
        raise ValueError(f"{name} has two numbers for class {plain(twice)!r}: give one for each class")
    if len(count) < len(names):
        missing = next(n for k, n in enumerate(names) if k not in count)
        raise ValueError(
            f"{name} has no number for class {missing!r}: {remedy} (0 for a class without examples)"
        )
    return [place for place in found if place is not None]


def _places(keys: Sequence[Any], names: Sequence[str]) -> list[int | None]:
    """Which of ``names`` each key is: the same text, or the same number."""
    where = {text: k for k, text in enumerate(names)}
    return [next((where[s] for s in _spellings(key) if s in where), None) for key in keys]


def _spellings(key: Any) -> list[str]:
    key = plain(key)
    out = [str(key)]
    if isinstance(key, int | float) and float(key).is_integer():
        out += [str(int(key)), str(float(key))]
    return out


def plain(key: Any) -> Any:
    """Keys as Python has them: numpy's numbers unwrapped, and tuples of one, as ``DataFrame.value_counts`` gives."""
    if isinstance(key, tuple) and len(key) == 1:
        key = key[0]
    return key.item() if callable(getattr(key, "item", None)) else key


def _shown(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:SHOWN])) + (" ..." if len(names) > SHOWN else "")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: Mapping[str, Any] = dict(pairs)
    if len(found) < len(pairs):
        keys = [k for k, _ in pairs]
        raise ValueError(f"{next(k for k in keys if keys.count(k) > 1)!r} is given twice")
    return dict(found)
