"""Part: an unbuilt call, hashable and JSON-able, that recipes are made of.

``part(Focal, gamma=2.0)`` is a value. Nothing runs until the training loop calls ``build``, which fills the parameters
the recipe cannot know (the class counts, say) from the *facts* of the data at hand.

What a part is called in files is in :mod:`longtail.rooms`. Its identity, the ``digest``, is that name, or for a class of
the user's own what its code does (:mod:`longtail.own_code`), and the keywords that differ from their defaults.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from longtail.own_code import code_digest
from longtail.rooms import OTHER_VERSION, current, is_ours, listed, name_of, why_not

T = TypeVar("T")
Value = Any  # None | bool | int | float | str | tuple[Value, ...] | Part | Switch
Own = Mapping[str, Callable[..., Any]]

FACTS = (
    "counts", "prior", "num_classes", "labels", "feature_dim", "embed", "net", "teachers", "unlabelled",
    "loss", "mix", "categorical",
)  # fmt: skip
"""Parameter names that ``Part.build`` fills from the data and the stage when the recipe leaves them out."""

FREQUENCIES = ("counts", "prior")
"""Two facts that say the same: how frequent the classes are."""


@dataclass(frozen=True)
class Part(Generic[T]):
    """An unbuilt call of ``target``. Make one with :func:`part`.

    Equal parts hash equal, and ``to_json``/``from_json`` round-trip.
    """

    target: Callable[..., T]
    kwargs: tuple[tuple[str, Value], ...] = ()

    def build(self, *args: Any, **facts: Any) -> T:
        """Call the target with its own keywords; missing parameters named like a fact are filled from ``facts``.

        Of ``counts`` and ``prior``, which say the same thing, a target gets what the part holds, or else the first.
        """
        given = {name: _built(value, facts) for name, value in self.kwargs}
        for name in list(inspect.signature(self.target).parameters)[len(args) :]:
            again = name in FREQUENCIES and any(given.get(other) is not None for other in FREQUENCIES)
            if name in facts and name not in given and not again:
                given[name] = facts[name]
        return self.target(*args, **given)

    def but(self, **changes: Value) -> Part[T]:
        """The same part with some keywords changed."""
        return part(self.target, **{**dict(self.kwargs), **changes})

    def __getitem__(self, keyword: str) -> Value:
        return dict(self.kwargs)[keyword]

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.kwargs)
        return f"{self.target.__qualname__}({inside})"


@dataclass(frozen=True)
class Switch:
    """A value that changes with training progress: ``phases[i] = (start, value)``, first start 0. See :func:`switch`."""

    phases: tuple[tuple[float, Value], ...]

    def at(self, t: float) -> Value:
        """The value in force at progress ``t`` in [0, 1]."""
        return [value for start, value in self.phases if start <= t + 1e-9][-1]

    def __repr__(self) -> str:
        return "switch({" + ", ".join(f"{s:g}: {v!r}" for s, v in self.phases) + "})"


def part(target: Callable[..., T], /, **kwargs: Value) -> Part[T]:
    """An unbuilt call: ``part(Focal, gamma=2.0)``.

    Raises:
        TypeError: the target has no such keyword, or a value is not hashable and JSON-able.

    >>> from longtail.schedule import Cosine
    >>> part(Cosine, warmup=0.05)
    Cosine(warmup=0.05)
    """
    parameters = inspect.signature(target).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for name in kwargs:
            if name not in parameters:
                known = ", ".join(parameters) or "none"
                raise TypeError(f"{target.__qualname__} has no argument {name!r}; its arguments are: {known}")
    return Part(target, tuple(sorted((name, _frozen(name, value)) for name, value in kwargs.items())))


def switch(phases: Mapping[float, Value]) -> Switch:
    """Deferral: ``switch({0: part(LDAM), .8: part(LDAM, weight=...)})`` uses the second from 80 % of the stage on.

    Raises:
        ValueError: the first phase does not start at 0, or a start lies outside [0, 1).
    """
    starts = sorted(phases)
    if not starts or starts[0] != 0 or starts[-1] >= 1:
        raise ValueError(f"switch: phases start at {starts}; the first must be 0 and all below 1")
    return Switch(tuple((float(s), _frozen("switch", phases[s])) for s in starts))


def at(value: Value, t: float) -> Value:
    """``value`` itself, or the phase of a :class:`Switch` in force at progress ``t``."""
    return value.at(t) if isinstance(value, Switch) else value


def asks(value: Value, fact: str) -> bool:
    """Does building ``value`` need ``fact`` (a name of :data:`FACTS`), itself or in a part inside it?"""
    return any(
        fact in inspect.signature(p.target).parameters and fact not in dict(p.kwargs) for p in parts(value)
    )


def parts(value: Value) -> Iterator[Part[Any]]:
    """Every part in ``value``, and in the parts inside it."""
    if isinstance(value, Switch):
        value = tuple(v for _, v in value.phases)
    if isinstance(value, tuple):
        for v in value:
            yield from parts(v)
    elif isinstance(value, Part):
        yield value
        yield from parts(tuple(v for _, v in value.kwargs))


def to_json(value: Value) -> Any:
    """Plain JSON for a value, part or switch."""
    if isinstance(value, Part):
        return {"part": name_of(value.target), "kwargs": {k: to_json(v) for k, v in value.kwargs}}
    if isinstance(value, Switch):
        return {"switch": [[s, to_json(v)] for s, v in value.phases]}
    if isinstance(value, tuple):
        return [to_json(v) for v in value]
    return value


def from_json(data: Any, own: Own | None = None, slot: str = "recipe") -> Value:
    """The value that ``to_json`` wrote. It imports nothing that the file names, and calls nothing.

    Args:
        data: JSON.
        own: your own classes by ``"module:name"``.
        slot: what the parts are for, a key of :data:`longtail.rooms.SLOTS`: only its classes, and ``own``, are taken.

    Raises:
        ValueError: a part that is neither in the slot's list nor in ``own``, or JSON that is no part.
    """
    known = {**listed(slot), **(own or {})} if _names_a_part(data) else {}
    return _read(data, known, slot)


def digest(value: Any) -> str:
    """SHA-256 (hex) of what ``value`` means: the identity used in cache keys.

    A keyword that is written out and one that is left at its default mean the same, so a keyword that a class gets later
    changes no digest. Counts, priors and other facts are no defaults: left out, they are filled in.

    >>> from longtail.losses import Focal
    >>> digest(part(Focal, gamma=2.0)) == digest(part(Focal)) != digest(part(Focal, gamma=3.0))
    True
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def unlike(values: Mapping[str, Any], defaults: Mapping[str, str]) -> dict[str, Any]:
    """The values that do not mean what their defaults do, which are given as :func:`canonical` text."""
    return {k: v for k, v in values.items() if k not in defaults or canonical(v) != defaults[k]}


def canonical(value: Any) -> str:
    """What ``value`` means, as JSON: equal texts mean the same."""
    return json.dumps(_meaning(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _meaning(value: Any) -> Any:
    """Plain JSON of what counts of a value."""
    if isinstance(value, Part):
        target = value.target
        called = name_of(target) if is_ours(target) else f"{target.__qualname__} {code_digest(target)}"
        return {"part": called, "kwargs": _meaning(unlike(dict(value.kwargs), _defaults(target)))}
    if isinstance(value, Switch):
        return {"switch": _meaning(value.phases)}
    if isinstance(value, Mapping):
        return {k: _meaning(v) for k, v in value.items()}
    return [_meaning(v) for v in value] if isinstance(value, list | tuple) else value


@cache
def _defaults(target: Callable[..., Any]) -> dict[str, str]:
    """The keywords that a recipe may leave out, with what they mean then."""
    found = {}
    for name, p in inspect.signature(target).parameters.items():
        if p.default is not p.empty and name not in FACTS:
            try:
                found[name] = canonical(_frozen(name, p.default))
            except TypeError:  # no recipe can write it down
                continue
    return found


def _names_a_part(data: Any) -> bool:
    inside = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return (isinstance(data, dict) and "part" in data) or any(map(_names_a_part, inside))


def _read(data: Any, known: Own, slot: str) -> Value:
    if isinstance(data, list):
        return tuple(_read(v, known, slot) for v in data)
    if not isinstance(data, dict):
        return data
    if set(data) == {"switch"}:
        try:
            return switch({start: _read(v, known, slot) for start, v in data["switch"]})
        except TypeError as why:
            raise ValueError(f"a switch must be pairs of a start and a value: {why}") from None
    if set(data) != {"part", "kwargs"} or not isinstance(data["kwargs"], dict):
        raise ValueError(f"{sorted(map(str, data))[:5]} is no part: it needs 'part' and 'kwargs'")
    name = data["part"]
    target = known.get(name) or known.get(current(name)) if isinstance(name, str) else None
    if target is None:
        raise ValueError(why_not(name, slot, known))
    try:
        return part(target, **{k: _read(v, known, slot) for k, v in data["kwargs"].items()})
    except TypeError as why:
        raise ValueError(f"part {name!r}: {why}. {OTHER_VERSION}") from None


def _built(value: Value, facts: Mapping[str, Any]) -> Any:
    if isinstance(value, Part):
        return value.build(**facts)
    if isinstance(value, tuple):
        return tuple(_built(v, facts) for v in value)
    return value


def _frozen(name: str, value: Value) -> Value:
    if isinstance(value, list | tuple):
        return tuple(_frozen(name, v) for v in value)
    if value is None or isinstance(value, bool | int | float | str | Part | Switch):
        return value
    raise TypeError(
        f"{name}={value!r}: a part holds numbers, strings, tuples and parts only, so that a recipe can be written down"
    )
