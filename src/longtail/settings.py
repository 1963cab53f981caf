"""Settings of a recipe in a string: ``focal:gamma=1``, ``crt:share=0.2:views=4``.

The first colon ends the name; a colon stands between settings, for a comma stands between recipes. What a setting may be
is said by the annotation of the parameter: a number, true or false, none, or a word.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from longtail.words import nearest

Plain = tuple[type, ...]
"""What a setting may be, of ``int``, ``float``, ``bool``, ``str`` and ``NoneType``."""

WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a word",
    types.NoneType: "none",
}


def taken_apart(text: str) -> tuple[str, dict[str, str]]:
    """The name, and its settings as they were written.

    Raises:
        ValueError: a setting without a value, or one twice.

    >>> taken_apart("crt:share=0.2:views=4")
    ('crt', {'share': '0.2', 'views': '4'})
    """
    name, *pairs = text.split(":")
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = (piece.strip() for piece in pair.partition("="))
        if not (key and equals and value):
            raise ValueError(f"recipes: {text!r}: {pair!r} must be SETTING=VALUE, as in focal:gamma=1")
        if key in given:
            raise ValueError(f"recipes: {text!r}: {key!r} is set twice")
        given[key] = value
    return name.strip(), given


def known_settings(call: Callable[..., Any], but: Iterable[str] = ()) -> dict[str, Plain]:
    """The parameters of a function or class that a string can set, and what each may be; ``but`` are left out.

    >>> def recipe(base: Any, *, gamma: float = 2.0, head: int | None = None, then: object = None) -> None: ...
    >>> {name: [t.__name__ for t in plain] for name, plain in known_settings(recipe).items()}
    {'gamma': ['float'], 'head': ['int', 'NoneType']}
    """
    parameters = inspect.signature(call, eval_str=True).parameters.values()
    found = {p.name: _plain(p.annotation) for p in parameters if p.default is not p.empty}
    return {name: plain for name, plain in found.items() if plain and name not in but}


def read(text: str, given: Mapping[str, str], known: Mapping[str, Plain]) -> dict[str, Any]:
    """The settings that were written in ``text``, as values.

    Raises:
        ValueError: an unknown setting, or a value that it cannot have; the message lists what there is.

    >>> read("focal:gamma=1", {"gamma": "1"}, {"gamma": (float,)})
    {'gamma': 1.0}
    """
    name = text.partition(":")[0]
    for key in given:
        if key not in known:
            there = f"its settings are {', '.join(known)}" if known else "it has no settings"
            raise ValueError(
                f"recipes: {text!r}: {name} has no setting {key!r}{nearest(key, known)}; {there}"
            )
    return {key: _value(text, key, word, known[key]) for key, word in given.items()}


def written_down(name: str, settings: Mapping[str, Any]) -> str:
    """A name with settings, as one would write it on the command line.

    >>> written_down("crt", {"share": 0.2, "shifted": True, "head": None})
    'crt:share=0.2:shifted=true:head=none'
    """

    def word(value: Any) -> str:
        return str(value).lower() if value is None or isinstance(value, bool) else str(value)

    return ":".join([name, *(f"{key}={word(value)}" for key, value in settings.items())])


def _plain(annotation: Any) -> Plain:
    union = isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union
    kinds = typing.get_args(annotation) if union else (annotation,)
    return kinds if all(kind in WORDS for kind in kinds) else ()


def _value(text: str, key: str, word: str, plain: Plain) -> Any:
    if types.NoneType in plain and word.lower() == "none":
        return None
    if bool in plain and word.lower() in ("true", "false"):
        return word.lower() == "true"
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if int in plain and number.is_integer():
        return int(number)
    if float in plain and math.isfinite(number):
        return number
    if str in plain:
        return word
    raise ValueError(f"recipes: {text!r}: {key}={word} must be {' or '.join(WORDS[kind] for kind in plain)}")
