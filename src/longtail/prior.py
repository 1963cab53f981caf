"""Prior: how frequent the classes are where a model is used. Said in any form, parsed and checked once, at the door.

The word has five meanings here, and each has its name: the *training frequency* (``classes.prior``), the *stream prior*
(what a sampler shows to training), the *assumed prior* (what a model's outputs assume), the *deploy prior* (what the user
asks for: ``prior=``, a :class:`Prior`), and the *tested prior* (what test rows are weighted to when they are scored).

All five are checked by :func:`distribution`, and :data:`TOLERANCE` is how exactly they must be said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail.by_class import by_class, plain, read_by_class
from longtail.words import nearest

if TYPE_CHECKING:
    from torch import Tensor

    from longtail.classes import Classes

Floats = np.ndarray[Any, np.dtype[np.float64]]

TOLERANCE = 1e-3
"""How exactly a prior is said. Its numbers sum to 1 up to this; two priors whose numbers agree up to this share of each
number are the same prior."""

SHOWN = 8


@dataclass(frozen=True)
class Prior:
    """The class prior that somebody deploys under.

    Attributes:
        name: "natural" (as frequent as in the training rows), "balanced" (all alike), or "declared".
        numbers: one for each class, in class order; of a declared prior alone.

    >>> from longtail.labels import Labels
    >>> classes = Labels.of(["sick", "healthy", "healthy", "healthy"]).classes
    >>> Prior.of("sick=0.4,healthy=0.6", classes)
    Prior(name='declared', numbers=(0.6, 0.4))
    >>> Prior.of([0.75, 0.25], classes) == Prior.of("natural", classes)
    True
    >>> Prior.balanced().resolve(classes).tolist()
    [0.5, 0.5]
    """

    name: str
    numbers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in ("natural", "balanced", "declared") or (self.name == "declared") != bool(
            self.numbers
        ):
            raise ValueError(
                f"Prior({self.name!r}, {self.numbers!r:.40}): it is natural, balanced, or declared with numbers"
            )

    @classmethod
    def natural(cls) -> Prior:
        """Classes as frequent as in the training rows."""
        return cls("natural")

    @classmethod
    def balanced(cls) -> Prior:
        """All classes equally frequent; each label on every other row."""
        return cls("balanced")

    @classmethod
    def given(cls, vector: Any, argument: str = "prior") -> Prior:
        """Numbers in class order.

        Raises:
            ValueError: they are no prior; see :func:`distribution`.
        """
        return cls("declared", tuple(distribution(argument, vector).tolist()))

    @classmethod
    def of(cls, said: Said, classes: Classes, argument: str = "prior", files: bool = False) -> Prior:
        """A prior in whatever form it is said.

        Numbers that agree with the training frequencies, or with a balanced prior, are that prior: what is equal is
        treated alike, by whatever name.

        Args:
            said: "natural", "balanced"; numbers in class order, or by class name or index (a mapping, a pandas Series);
                the same as text ("0.7,0.3", "sick=0.3,healthy=0.7"); or a ``Prior``.
            classes: of the training rows, in the order of the outputs.
            argument: what the caller calls it, for the messages.
            files: may a text be the name of a JSON file, with a list or an object by class?

        Raises:
            ValueError: a text that is none of these, a class that is missing, unknown or given twice, or numbers that are
                no prior.
            TypeError: a set, or a data frame of several columns.
        """
        names, read = classes.names, said
        check = shares if classes.several else distribution
        if isinstance(said, str | Path):
            read = _read(str(said), names, argument, files)
        if not isinstance(read, Prior):
            found = check(argument, by_class(argument, read, names), len(names), said)
            read = cls("declared", tuple(found.tolist()))
        elif read.numbers:
            check(argument, read.numbers, len(names))
        return read.known(classes)

    def known(self, classes: Classes) -> Prior:
        """The natural or the balanced prior where the numbers are those of it, else itself."""
        if self.name != "declared":
            return self
        if self.is_natural(classes):
            return Prior.natural()
        return Prior.balanced() if same(self.resolve(classes), _balanced(classes)) else self

    def resolve(self, classes: Classes) -> Tensor:
        """One number for each class, float64 ``[C]``, summing to 1; of labels, of which a row may have several, the share
        of rows with each.

        Raises:
            ValueError: it is of another number of classes.
        """
        import torch

        if self.name == "natural":
            return classes.prior
        if self.name == "balanced":
            return _balanced(classes)
        if len(self.numbers) != len(classes.names):
            raise ValueError(f"a prior of {len(self.numbers)} classes was given for {len(classes.names)}")
        vector = torch.tensor(self.numbers, dtype=torch.float64)
        return vector if classes.several else vector / float(vector.sum())

    def is_natural(self, classes: Classes) -> bool:
        """Is it the training frequencies, by name or by numbers?"""
        return self.name == "natural" or same(self.resolve(classes), classes.prior)


Said = str | Path | Sequence[float] | Mapping[Any, float] | Prior | Any
"""The forms in which a prior is said; see :meth:`Prior.of`."""


def distribution(name: str, given: Any, num_classes: int | None = None, said: Any = None) -> Floats:
    """A class distribution ``[C]`` as float64, checked and else as it was given: the sum may be off by ``TOLERANCE``.

    Args:
        name: of the argument, for the messages.
        given: numbers in class order, or by class index; an array, or a tensor on any device.
        num_classes: C, where it is known.
        said: what the caller wrote, where that is something else.

    Raises:
        ValueError: another number of classes, a negative or non-finite number, or another sum than 1.
        TypeError: what holds no numbers.

    >>> distribution("prior", [0.333, 0.333, 0.333]).tolist()
    [0.333, 0.333, 0.333]
    >>> distribution("prior", [3, 1])
    Traceback (most recent call last):
    ValueError: prior=[3.0, 1.0] sums to 4, not 1: divide each number by the sum
    """
    p = _numbers(name, given, num_classes, said)
    bad = ~np.isfinite(p) | (p < 0)
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(
            f"{_place(name, k, said)} is {p[k]:g}; a prior holds numbers from 0 on that sum to 1"
        )
    if not abs(p.sum() - 1) <= TOLERANCE * (1 + 1e-9):
        raise ValueError(
            f"{name}={_shown(p if said is None else said)} sums to {p.sum():.6g}, not 1: divide each number by the sum"
        )
    return p


def shares(name: str, given: Any, num_labels: int | None = None, said: Any = None) -> Floats:
    """The share of rows that have each label, float64 ``[C]``; arguments as of :func:`distribution`.

    Raises:
        ValueError: another number of labels, or a number outside [0, 1].
        TypeError: what holds no numbers.

    >>> shares("prior", [0.5, 1.2])
    Traceback (most recent call last):
    ValueError: prior[1] is 1.2; of several labels each has a share of the rows, from 0 to 1
    """
    p = _numbers(name, given, num_labels, said)
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        k = int(bad.argmax())
        raise ValueError(
            f"{_place(name, k, said)} is {p[k]:g}; of several labels each has a share of the rows, from 0 to 1"
        )
    return p


def _place(name: str, k: int, said: Any) -> str:
    return f"{name}={_shown(said)}: number {k + 1}" if isinstance(said, str | Path) else f"{name}[{k}]"


def _numbers(name: str, given: Any, num_classes: int | None, said: Any) -> Floats:
    """One number for each class, float64 ``[C]``."""
    values = by_class(name, given)
    values = values.detach().cpu().double().numpy() if _is_tensor(values) else values
    try:
        p = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name}={_shown(given)} must be numbers, one for each class") from None
    if p.ndim != 1 or not len(p) or (num_classes is not None and len(p) != num_classes):
        wanted = f"each of {num_classes} classes" if num_classes is not None else "each class"
        raise ValueError(
            f"{name}={_shown(given if said is None else said)} has shape {p.shape}; it needs one number for {wanted}"
        )
    return p


def same(a: Any, b: Any) -> bool:
    """Are two distributions ``[C]`` the same prior: does each number agree up to ``TOLERANCE`` of it?

    >>> same(np.array([0.9, 0.1]), np.array([0.90005, 0.09995])), same(np.array([0.9, 0.1]), np.array([0.899, 0.101]))
    (True, False)
    """
    return a.shape == b.shape and bool((abs(a - b) <= TOLERANCE * abs(b) + 1e-12).all())


def _read(text: str, names: Sequence[str], argument: str, files: bool) -> Any:
    """The name, the numbers or the file that a text stands for."""
    if text in ("natural", "balanced"):
        return Prior(text)
    if files and Path(text).is_file():
        return read_by_class(text, f"{argument}=", names)
    cells = [cell.strip() for cell in text.split(",") if cell.strip()]
    said = f"{argument}={text!r}"
    if "=" in text:
        pairs = [(name.strip(), number) for name, _, number in (cell.rpartition("=") for cell in cells)]
        given = {name: _number(number, said) for name, number in pairs}
        if unknown := [name for name in given if name not in names]:
            raise ValueError(
                f"{said}: there is no class {unknown[0]!r}{nearest(unknown[0], names)}; {_classes(names)}"
            )
        if len(given) < len(pairs):
            twice = next(name for name, _ in pairs if [n for n, _ in pairs].count(name) > 1)
            raise ValueError(f"{said}: class {twice!r} is given twice")
        if missing := [name for name in names if name not in given]:
            raise ValueError(f"{said}: class {missing[0]!r} is missing; {_classes(names)}")
        return [given[name] for name in names]
    if "," not in text:
        raise ValueError(
            f"{said} must be 'natural', 'balanced', probabilities such as '0.7,0.3' or '{names[0]}=0.7,...'"
            + (", or a JSON file that exists" if files else "")
        )
    if len(cells) != len(names):
        raise ValueError(f"{said}: {len(cells)} numbers for {len(names)} classes; {_classes(names)}")
    return [_number(cell, said) for cell in cells]


def _number(text: str, said: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{said}: {text!r} is no number") from None


def _classes(names: Sequence[str]) -> str:
    return f"the classes are, in their order, {', '.join(names[:20])}{' ...' if len(names) > 20 else ''}"


def _shown(said: Any) -> str:
    """What the caller wrote, at most a line of it."""
    if isinstance(said, str | Path):
        return repr(str(said))
    if callable(getattr(said, "items", None)):
        pairs = [f"{plain(key)!r}: {plain(v)!r:.12}" for key, v in list(said.items())[:SHOWN]]
        return "{" + ", ".join(pairs) + (", ...}" if len(said) > SHOWN else "}")
    numbers = said.tolist() if callable(getattr(said, "tolist", None)) else said
    if not isinstance(numbers, list | tuple):
        return f"{numbers!r:.80}"
    more = ", ..." if len(numbers) > SHOWN else ""
    return "[" + ", ".join(f"{plain(v)!r:.12}" for v in numbers[:SHOWN]) + more + "]"


def _balanced(classes: Classes) -> Tensor:
    import torch

    c = len(classes.names)
    return torch.full((c,), 0.5 if classes.several else 1 / c, dtype=torch.float64)


def _is_tensor(value: Any) -> bool:
    return callable(getattr(value, "detach", None))
