"""What is asked of a file, and what was read of it: rows, and the labels beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from longtail.data.beside import Beside
from longtail.kinds import Encoder, Kind
from longtail.labels import Labels


@dataclass(frozen=True)
class Target:
    """The labels beside rows, as they stand there.

    Attributes:
        values: one a row.
        file, place: where they stand, for messages.
        names: of the classes, where the file or one beside it declares them.
    """

    values: Any
    file: Path
    place: str
    names: list[str] | None = None


@dataclass
class Rows:
    """Rows as they were read.

    Attributes:
        raw: what ``Dataset.raw`` is.
        kind: of the rows; None where the model's own is meant.
        frame: the columns of the file, a row for each of ``raw``; None where there are none.
        paths: the file of each image; None for other data.
        root: the folder that the images were read from, where it was a folder.
        target: the labels, where they were asked for.
        beside: groups, times and parts of the rows.
        costs: columns of costs that were asked for, float64 ``[N]`` by name.
        reading: ``Dataset.reading``.
        notes: what was detected and done, in plain words.
    """

    raw: Any
    kind: Kind | None = None
    frame: Any = None
    paths: list[Path] | None = None
    root: Path | None = None
    target: Target | Labels | None = None
    beside: Beside = field(default_factory=Beside)
    costs: dict[str, torch.Tensor] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """What is wanted of a file: labelled rows (``like`` None), or rows as a model takes them.

    Attributes:
        kind: a kind that was named, or the model's; None detects it.
        text, label, features: columns that were named.
        group, time, weight: columns beside the inputs; of pictures in folders, how their names tell the group.
        like: the encoder of the model.
        classes: the names of the model's classes.
        first: the number of the first feature, of svmlight, as the model remembers it.
        cost_columns: columns of costs, which may be inputs too.
    """

    kind: Kind | None = None
    text: str | int | None = None
    label: str | int | None = None
    features: Sequence[str | int] | None = None
    group: str | int | None = None
    time: str | int | None = None
    weight: str | int | None = None
    like: Encoder | None = None
    classes: tuple[str, ...] = ()
    first: int | None = None
    cost_columns: tuple[str, ...] = ()

    def check(self, kind: Kind, where: Path, what: str) -> None:
        """Raises ValueError where data of another kind were asked for."""
        if self.kind in (None, kind):
            return
        assert self.kind is not None
        if self.like is None:
            raise ValueError(f"{where} holds {kind.name} data; kind={self.kind.name!r} does not fit")
        raise ValueError(f"{where} {what}; the model takes {self.kind.name}")
