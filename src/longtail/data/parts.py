"""Parts: a data set with test rows (and validation rows) of its own, as one data set that knows which is which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from longtail.data.beside import PARTS, Beside, groups_of, row_weights
from longtail.data.costing import costs_in
from longtail.data.dataset import Dataset, encoder_for
from longtail.data.predicted import label_column
from longtail.data.read import read_inputs
from longtail.data.tokens import GROUP
from longtail.formats.images import ImageFiles
from longtail.formats.places import parts_of
from longtail.formats.target import indices_of
from longtail.inputs import SparseRows
from longtail.kinds import Sentences
from longtail.labels import Labels

READ = ("header", "encoding", "delimiter", "missing", "skip_bad", "sheet", "images", "text")
"""Options on how a file is read that hold for its other parts too."""


def own_parts(data: Any, how: Mapping[str, Any]) -> dict[str, Path]:
    """The files or folders of the parts that a folder holds, by "train", "validation" and "test"; nothing unless there is
    one that trains and one that tests, each once, and the caller asked for none of them.
    """
    if not isinstance(data, str | Path) or how.get("split") is not None:
        return {}
    where = Path(data).expanduser()
    if not where.is_dir():
        return {}
    parts, _ = parts_of(where)
    found = {part: paths[0] for part, paths in parts.items() if len(paths) == 1}
    return found if {"train", "test"} <= set(found) else {}


def with_parts(train: Dataset, others: Mapping[str, Any], how: Mapping[str, Any]) -> Dataset:
    """``train`` with the rows of other parts behind it.

    A part is read as a model reads rows to predict, so columns are found by name and cells are read as in training.

    Args:
        train: the rows that train.
        others: "validation" and "test": each a file, a folder, a data frame, ``(X, y)`` or a ``Dataset``.
        how: the options that ``train`` was read with.

    Raises:
        ValueError: a part has no labels, or not the columns of ``train``.
    """
    like = encoder_for(train).fit(train.raw)
    names, raws, labels = list(train.labels.names), [train.raw], [train.labels.y]
    part = [torch.zeros(len(train), dtype=torch.int64)]
    notes: list[str] = []
    costs = [train.costs_of]
    aside = [train.beside]
    if train.beside.time is not None:
        raise ValueError("time= and test= both say which rows test: leave one out")
    for what in PARTS[1:]:
        if (given := others.get(what)) is None:
            continue
        raw, cells, own, said, frame = read_part(given, what, like, train, how)
        costs.append(own)
        aside.append(beside_of(frame, len(cells), train.beside, aside[-1], what))
        if isinstance(raw, Sentences):
            aside[-1] = behind(aside[-1], raw, train, aside[-2])
        said = [*said, *aside[-1].notes]
        cells = [str(c).strip() for c in cells]
        new = [c for c in dict.fromkeys(cells) if int(indices_of([c], names)[0]) < 0]
        names += new
        raws.append(raw)
        labels.append(indices_of(cells, names).long())
        part.append(torch.full((len(cells),), PARTS.index(what)))
        notes += [f"{what} part: {note}" for note in said]
        notes.append(f"{len(cells):,} rows of {title(given, what)} are the {what} part")
    y = torch.cat(labels)
    made = Dataset.of(
        train.name, train.kind, joined(raws), Labels.of(y, names, len(names)), [*train.notes, *notes]
    )
    if train.unlabelled is not None:
        made = made.with_unlabelled(train.unlabelled)
    beside = Beside(
        group=None if train.beside.group is None else torch.cat([known_group(b) for b in aside]),
        groups=aside[-1].groups,
        weight=None if train.beside.weight is None else torch.cat([known_weight(b) for b in aside]),
        part=torch.cat(part),
        sequence=None if train.beside.sequence is None else torch.cat([known_sequence(b) for b in aside]),
        costs={name: torch.cat([of[name] for of in costs]) for name in train.costs_of},
        names={**train.beside.names, "split": f"its own test set ({title(others['test'], 'test')})"},
    )
    return replace(made, reading=train.reading, beside=beside)


def read_part(
    given: Any, what: str, like: Any, train: Dataset, how: Mapping[str, Any]
) -> tuple[Any, Sequence[Any], Mapping[str, torch.Tensor], list[str], Any]:
    """The rows of a part, the name of each row's class, columns of costs, notes, and all columns where there are some."""
    wanted_costs = tuple(train.costs_of)
    if isinstance(given, Dataset):
        costs = {**costs_in(given.raw, wanted_costs), **given.costs_of}
        cells = [given.labels.names[k] for k in given.labels.y.tolist()]
        return given.raw, cells, has_costs(costs, wanted_costs, what), [], None
    label = train.reading.get("label")
    if isinstance(given, tuple) and len(given) == 2:
        rows = read_inputs(given[0], like, classes=train.labels.names, cost_columns=wanted_costs)
        cells = list(given[1])
    else:
        options = {
            k: v for k, v in how.items() if k in READ and v is not None and isinstance(given, str | Path)
        }
        rows = read_inputs(
            given,
            like,
            classes=train.labels.names,
            reading=train.reading,
            cost_columns=wanted_costs,
            **options,
        )
        found = label_column(rows, train.labels.names, None, label, tuple(getattr(like, "columns", ())))
        if found is None and rows.target is not None and not isinstance(rows.target, Labels):
            found = list(rows.target.values)
        if found is None:
            option = "test" if what == "test" else "valid"
            wanted = f"column {label!r}" if label else "labels"
            raise ValueError(f"{option}={title(given, what)!r} has no {wanted}, so its rows cannot be scored")
        cells = found
    gone = [k for k, cell in enumerate(cells) if missing(cell)]
    if gone:
        raise ValueError(
            f"the {what} part has no label in {len(gone)} of {len(cells)} rows (row {gone[0] + 1}): label them, or leave "
            "them out"
        )
    if len(cells) != len(rows.raw):
        raise ValueError(f"the {what} part has {len(rows.raw)} rows and {len(cells)} labels")
    return rows.raw, cells, has_costs(rows.costs, wanted_costs, what), list(rows.notes), rows.frame


def beside_of(frame: Any, n: int, train: Beside, before: Beside, what: str) -> Beside:
    """Groups and weights of a part, from its columns of the names that they have in training; groups are numbered on.

    Args:
        before: of the part before, whose groups are known.

    Raises:
        ValueError: weights are asked for, and the part has no such column.
    """
    columns = [] if frame is None else [str(c) for c in frame.columns]
    found = Beside(groups=before.groups)
    if train.weight is not None:
        name = train.names["weight"]
        if name not in columns:
            raise ValueError(f"the {what} part has no column {name!r}, which weight= names")
        found = replace(found, weight=row_weights(frame[name], f"the {what} part, column {name!r}"))
    if train.group is not None:
        name, notes = train.names["group"], list[str]()
        there = name in columns
        if not there:
            notes.append(f"no column {name!r}: each of its rows is a group of its own")
        cells = frame[name] if there else [None] * n
        group, groups = groups_of(cells, f"column {name!r}", notes if there else [], before.groups)
        highest = int(known_group(before).max()) + 1
        alone = group >= len(groups)  # rows without a group come behind all others
        group = torch.where(alone, group - len(groups) + max(highest, len(groups)), group)
        found = replace(found, group=group, groups=groups, notes=tuple(notes))
    return found


def known_group(beside: Beside) -> torch.Tensor:
    assert beside.group is not None
    return beside.group


def known_weight(beside: Beside) -> torch.Tensor:
    assert beside.weight is not None
    return beside.weight


def known_sequence(beside: Beside) -> torch.Tensor:
    assert beside.sequence is not None
    return beside.sequence


def behind(found: Beside, raw: Sentences, train: Dataset, before: Beside) -> Beside:
    """What stands beside the tokens of a part, whose sentences are numbered behind those of the part before."""
    sequence = raw.sentence + int(known_sequence(before).max()) + 1
    if train.beside.names.get("group") != GROUP:
        return replace(found, sequence=sequence)
    group = raw.sentence + int(known_group(before).max()) + 1
    return replace(found, sequence=sequence, group=group, groups=(), notes=())


def has_costs(
    costs: Mapping[str, torch.Tensor], wanted: Sequence[str], what: str
) -> Mapping[str, torch.Tensor]:
    """The columns of costs of a part, where it has them all.

    Raises:
        ValueError: it lacks one.
    """
    if lacking := [name for name in wanted if name not in costs]:
        raise ValueError(f"the {what} part has no column {lacking[0]!r}, which costs= names")
    return costs


def missing(cell: Any) -> bool:
    """Is there no label?"""
    return cell is None or cell != cell or str(cell).strip() in ("", "nan", "<NA>", "NaT")


def title(given: Any, what: str) -> str:
    """A part in words."""
    return Path(given).name if isinstance(given, str | Path) else what


def joined(raws: Sequence[Any]) -> Any:
    """Rows of several parts, one part behind the other."""
    first = raws[0]
    if isinstance(first, torch.Tensor) and first.dim() == 4:
        size = (int(first.shape[2]), int(first.shape[3]))
        raws = [raw.resized(size) if isinstance(raw, ImageFiles) else raw for raw in raws]
        if any(raw.shape[1:] != first.shape[1:] for raw in raws):
            raise ValueError(
                f"pictures of the parts have other sizes: {[tuple(raw.shape[2:]) for raw in raws]}"
            )
    if isinstance(first, torch.Tensor):
        return torch.cat([torch.as_tensor(raw) for raw in raws])
    if isinstance(first, list):
        return [row for raw in raws for row in raw]
    if isinstance(first, Sentences):
        return first.followed_by(raws[1:])
    if isinstance(first, SparseRows):
        starts = [torch.zeros(1, dtype=torch.int64)]
        for raw in raws:
            starts.append(raw.indptr[1:] + starts[-1][-1])
        return SparseRows(
            torch.cat(starts),
            torch.cat([raw.indices for raw in raws]),
            torch.cat([raw.values for raw in raws]),
            first.num_columns,
        )
    if isinstance(first, ImageFiles):
        if not all(isinstance(raw, ImageFiles) for raw in raws):
            raise ValueError(
                "pictures that train have several sizes, those of another part one: scale all to one size"
            )
        return first.with_more(raws[1:])
    import pandas as pd

    from longtail.formats.reading import keep, kept

    return keep(pd.concat(raws, ignore_index=True), kept(first))
