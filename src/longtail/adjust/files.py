"""Adjusters in files: small JSON, plain numbers. ``load`` needs numpy only, so it runs in production without
torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from longtail.costs import Costs
from longtail.files import read_json, write_json
from longtail.part import Part
from longtail.part import from_json as part_from_json

FORMAT = "longtail-adjuster-1"


class Saveable(Protocol):
    """What :func:`save` takes: anything with a ``to_json`` that a part can be read back from."""

    def to_json(self) -> dict[str, Any]: ...


def save(
    adjuster: Saveable, path: str | Path, classes: Sequence[str] | None = None, costs: Costs | None = None
) -> None:
    """Write ``adjuster`` as JSON, with the names of the classes in the order of its logits where they are known, and with
    the costs that its users decide by, where there are any.

    >>> import tempfile; from longtail.adjust import Temperature
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Temperature(2.0), folder + "/adjuster.json", ["cat", "dog"])
    ...     made = load(folder + "/adjuster.json")
    >>> made, made.classes
    (Temperature(strength=1.0, temperature=2.0), ('cat', 'dog'))
    """
    names = None if classes is None else [str(c) for c in classes]
    data: dict[str, Any] = {"format": FORMAT, "classes": names, "adjuster": adjuster.to_json()}
    if costs is not None:
        data["costs"] = costs.cells
    write_json(path, data, indent=1, checked=True)


def load(path: str | Path) -> Any:
    """The adjuster in a file that :func:`save` wrote: call it on logits, numpy or torch.

    Its ``classes`` are the class names in the order of the logits, or None. Its ``costs`` are those that were kept with
    it, or None: ``made.costs.decide(probabilities)`` is the cheapest decision (:class:`longtail.costs.Costs`).

    Raises:
        ValueError: the file is damaged, is no saved adjuster, or names something that is none.
    """
    data = read_json(path)
    if data.get("format") != FORMAT:
        raise ValueError(f"{path} is not a saved adjuster: it lacks format {FORMAT!r}")
    try:
        adjuster = from_json(data.get("adjuster"))
        costs = None if data.get("costs") is None else Costs.from_json(data["costs"])
    except ValueError as why:
        raise ValueError(f"{path} cannot be read: {why}") from None
    names = data.get("classes")
    if names is not None and not (isinstance(names, list) and all(isinstance(n, str) for n in names)):
        raise ValueError(f"{path} cannot be read: classes must be a list of names")
    adjuster.classes = None if names is None else tuple(names)
    adjuster.costs = costs
    return adjuster


def from_json(data: Any) -> Any:
    """The adjuster whose ``to_json`` gave ``data``; only the adjusters of this room are ever built.

    Raises:
        ValueError: the data names something else, or numbers that it does not take.
    """
    found = part_from_json(data, slot="adjuster")
    if not isinstance(found, Part):
        raise ValueError("not an adjuster: the JSON names no part")
    try:
        return found.build()
    except (TypeError, AttributeError, KeyError, IndexError, OverflowError) as why:
        raise ValueError(f"{found.target.__name__} does not take these values: {why}") from None
