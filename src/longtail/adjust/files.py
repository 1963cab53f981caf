"""Adjusters in files: small JSON, plain numbers. ``load`` needs numpy only, so it runs in production without
torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from longtail.part import Part
from longtail.part import from_json as part_from_json


class Saveable(Protocol):
    """What :func:`save` takes: anything with a ``to_json`` that a part can be read back from."""

    def to_json(self) -> dict[str, Any]: ...


def save(adjuster: Saveable, path: str | Path) -> None:
    """Write ``adjuster`` as JSON.

    >>> import tempfile; from longtail.adjust import Temperature
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(Temperature(2.0), folder + "/adjuster.json")
    ...     load(folder + "/adjuster.json")
    Temperature(strength=1.0, temperature=2.0)
    """
    data = {"format": "longtail-adjuster-1", "adjuster": adjuster.to_json()}
    Path(path).write_text(json.dumps(data, indent=1) + "\n")


def load(path: str | Path) -> Any:
    """The adjuster in a file that :func:`save` wrote: call it on logits, numpy or torch.

    Raises:
        ValueError: the file is no saved adjuster, or names something outside ``longtail.adjust``.
    """
    data = json.loads(Path(path).read_text())
    if not isinstance(data, dict) or data.get("format") != "longtail-adjuster-1":
        raise ValueError(f"{path} is not a saved adjuster: it lacks format 'longtail-adjuster-1'")
    return from_json(data["adjuster"])


def from_json(data: Mapping[str, Any]) -> Any:
    """The adjuster whose ``to_json`` gave ``data``; nothing outside ``longtail.adjust`` is imported.

    Raises:
        ValueError: the data names something else.
    """
    _only_adjusters(data)
    built = part_from_json(dict(data))
    if not isinstance(built, Part):
        raise ValueError("not an adjuster: the JSON names no part")
    return built.build()


def _only_adjusters(data: Any) -> None:
    if isinstance(data, Mapping):
        name = data.get("part")
        if name is not None and not str(name).startswith("longtail.adjust."):
            raise ValueError(f"{name!r} is not an adjuster of longtail.adjust")
        for value in data.values():
            _only_adjusters(value)
    elif isinstance(data, list):
        for value in data:
            _only_adjusters(value)
