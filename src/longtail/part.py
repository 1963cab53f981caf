"""Part: an unbuilt call, hashable and JSON-able, that recipes are made of.

``part(Focal, gamma=2.0)`` is a value. Nothing runs until the training loop calls ``build``, which fills the parameters
the recipe cannot know (the class counts, say) from the *facts* of the data at hand.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Value = Any  # None | bool | int | float | str | tuple[Value, ...] | Part | Switch

FACTS = (
    "counts", "prior", "num_classes", "labels", "feature_dim", "embed", "net", "teachers", "unlabelled", "loss", "mix",
    "categorical",
)  # fmt: skip
"""Parameter names that ``Part.build`` fills from the data and the stage when the recipe leaves them out."""

FREQUENCIES = ("counts", "prior")
"""Two facts that say the same: how frequent the classes are."""

ROOMS = (
    "longtail.losses", "longtail.samplers", "longtail.mixing", "longtail.augment", "longtail.heads",
    "longtail.surgery", "longtail.adjust", "longtail.objectives", "longtail.backbones", "longtail.weights",
    "longtail.schedule", "longtail.optim", "longtail.classical", "torch.optim",
)  # fmt: skip
"""Where a part read from JSON may come from: reading a file never imports anything else."""


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

    def __reduce__(self) -> Any:
        return (from_json, (to_json(self),)) if is_trusted(self) else super().__reduce__()


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


def is_trusted(p: Part[Any]) -> bool:
    """May this part be rebuilt from JSON without being handed its class?"""
    module = p.target.__module__
    return any(module == room or module.startswith(room + ".") for room in ROOMS)


def to_json(value: Value) -> Any:
    """Plain JSON for a value, part or switch."""
    if isinstance(value, Part):
        name = f"{value.target.__module__}:{value.target.__qualname__}"
        return {"part": name, "kwargs": {k: to_json(v) for k, v in value.kwargs}}
    if isinstance(value, Switch):
        return {"switch": [[s, to_json(v)] for s, v in value.phases]}
    if isinstance(value, tuple):
        return [to_json(v) for v in value]
    return value


def from_json(data: Any, own: Mapping[str, Callable[..., Any]] | None = None) -> Value:
    """The value that ``to_json`` wrote. ``own`` maps ``"module:name"`` to your own classes; nothing else is imported.

    Raises:
        ValueError: the part is neither longtail's nor in ``own``.
    """
    if isinstance(data, list):
        return tuple(from_json(v, own) for v in data)
    if isinstance(data, dict) and "switch" in data:
        return Switch(tuple((float(s), from_json(v, own)) for s, v in data["switch"]))
    if isinstance(data, dict) and "part" in data:
        target = _resolve(data["part"], own or {})
        return part(target, **{k: from_json(v, own) for k, v in data["kwargs"].items()})
    return data


def digest(value: Any) -> str:
    """SHA-256 (hex) of the canonical JSON of ``value``: the identity used in cache keys."""
    text = json.dumps(to_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _resolve(name: str, own: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    if name in own:
        return own[name]
    module, _, attribute = name.partition(":")
    inside = any(module == room or module.startswith(room + ".") for room in ROOMS)
    if not inside or not attribute.isidentifier() or attribute.startswith("_"):
        raise ValueError(
            f"part {name!r} is not longtail's; pass its class with own={{{name!r}: ...}} to allow it"
        )
    target = getattr(importlib.import_module(module), attribute, None)
    if not callable(target) or getattr(target, "__module__", None) != module:
        raise ValueError(f"part {name!r} does not exist in this version of longtail")
    return target


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
