"""The reader: what a file or folder holds, with labels to learn from, or as a model takes its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from longtail.data.asked import Asked, Rows, Target
from longtail.data.beside import Beside, groups_by_path
from longtail.data.costing import numbers_beside
from longtail.data.tokens import conll_rows, listed_rows
from longtail.formats.arrays import FEATURE_NAMES, TARGET_NAMES, find_array, matrix, read_arrays
from longtail.formats.columns import find
from longtail.formats.how import How
from longtail.formats.images import SUFFIXES, list_folder, list_pictures, read_images
from longtail.formats.known import check_options, format_of, read_sheet
from longtail.formats.missing import with_missing
from longtail.formats.places import resolve
from longtail.formats.reading import Doubt
from longtail.formats.sheet import Sheet, read_bytes
from longtail.formats.svmlight import read_svmlight
from longtail.kinds import (
    EMBEDDING,
    IMAGE,
    TABLE,
    TEXT,
    TOKEN,
    EmbeddingEncoder,
    Kind,
    SparseEncoder,
    TableEncoder,
    kind_of,
)
from longtail.kinds.image.named import picture_column, picture_files
from longtail.kinds.image.read import images_of
from longtail.kinds.roles import Roles, inputs_of, roles
from longtail.kinds.table.read import table_like
from longtail.labels import Labels

WHAT = {"group": "group", "time": "time", "split": "part (train, validation, test)", "weight": "weight"}
"""What a column beside the inputs is, in notes."""


def read_rows(path: str | Path, how: How, asked: Asked) -> Rows:
    """Read a file or folder.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: what is there cannot be read as asked; names file, column, row and remedy.
    """
    notes: list[str] = []
    where = Path(path).expanduser()
    pictures = asked.like is not None and asked.kind is IMAGE and how.part is None and where.is_dir()
    if not pictures:  # to predict, every picture in a folder is a row, whatever the folders in it are called
        where = resolve(where, how.part, notes)
    form = "folder" if where.is_dir() else format_of(where)
    if asked.kind is TOKEN and form == "delimited":
        form = "conll"  # tags that are no BIO tags, or words to predict, are not known by themselves
    check_options(where, form, how)
    if form in ("folder", "svmlight") or (asked.cost_columns and form in ("picture", "arrays")):
        refuse_columns(where, asked, how, () if form == "svmlight" else ("group",))
    if form == "folder":
        found = _folder(where, how, asked)
    elif form == "picture" or (asked.like is not None and where.suffix.lower() in SUFFIXES):
        found = _picture(where, asked)
    elif form == "arrays":
        found = _arrays(where, asked)
    elif form == "conll":
        asked.check(TOKEN, where, "holds tagged tokens")
        found = conll_rows(where, how, asked)
    elif form == "svmlight" and (asked.like is None or isinstance(asked.like, SparseEncoder | TableEncoder)):
        found = _svmlight(where, asked)
    else:
        wanted = None if asked.like is None else kind_of(asked.like.kind).wanted(asked.like, asked.classes)
        sheet = read_sheet(where, form, how, wanted)
        listed = listed_rows(sheet, how, asked)
        columns = _labelled if asked.like is None else _alike
        found = columns(sheet, how, asked) if listed is None else listed
    if isinstance(asked.like, EmbeddingEncoder) and found.raw.shape[1:] != asked.like.feature_shape:
        held, takes = found.raw.shape[1], asked.like.num_features
        raise ValueError(f"{where}: rows of {held} numbers; the model takes {takes}")
    return replace(found, notes=[*notes, *found.notes])


def refuse_columns(where: str | Path, asked: Asked, how: How, taken: Sequence[str] = ()) -> None:
    """Raises ValueError where a column is named of data without columns."""
    if asked.cost_columns:
        raise ValueError(
            f"costs name the column {asked.cost_columns[0]!r}, and {where} has no columns with names: say numbers"
        )
    if asked.like is not None:
        return
    named = {name: getattr(asked, name) for name in ("label", "text", "features", "group", "time", "weight")}
    for option, value in {**named, "split": how.part_column}.items():
        if value is not None and option not in taken:
            raise ValueError(f"{option}={value!r} is no option for {where}, which has no columns with names")


def _folder(where: Path, how: How, asked: Asked) -> Rows:
    if asked.like is not None:
        asked.check(IMAGE, where, "is a folder")
        files = list_pictures(where)
        raw, kept, said = read_images(files, str(where), how.skip_bad)
        return Rows(raw, IMAGE, paths=[files[i] for i in kept], root=where, notes=said)
    files, y, names, notes = list_folder(where)
    raw, kept, said = read_images(files, str(where), how.skip_bad)
    asked.check(IMAGE, where, "is a folder")
    labels = Labels.of([y[i] for i in kept], names)
    beside = Beside()
    if asked.group is not None:
        inside = [files[i].relative_to(where).as_posix() for i in kept]
        group = groups_by_path(inside, str(asked.group), str(where))
        beside = Beside(group=group, names={"group": "group (by the names of files)"})
    return Rows(raw, IMAGE, target=labels, beside=beside, notes=notes + said)


def _picture(where: Path, asked: Asked) -> Rows:
    if asked.like is None:
        raise ValueError(f"{where}: a single picture; give the folder of class folders it is in")
    asked.check(IMAGE, where, "is a picture")
    return Rows(read_images([where], str(where))[0], IMAGE, paths=[where])


def _arrays(where: Path, asked: Asked) -> Rows:
    arrays = read_arrays(where)
    if asked.like is not None:
        asked.check(EMBEDDING, where, "holds embeddings")
        one = next(iter(arrays.values())) if len(arrays) == 1 else None
        x = find_array(arrays, None, FEATURE_NAMES, "features", where) if one is None else one
        raw, said = matrix(x, where)
        return Rows(raw, EMBEDDING, notes=said)
    features = asked.features
    named = str(features if isinstance(features, str) else features[0]) if features else None
    x = find_array(arrays, named, FEATURE_NAMES, "features", where)
    label = None if asked.label is None else str(asked.label)
    y = find_array(arrays, label, TARGET_NAMES, "label", where)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or len(y) != len(x):
        raise ValueError(f"{where}: labels of shape {tuple(y.shape)} for {len(x)} rows; [N] is needed")
    target = Target(y, where, "labels")
    if asked.kind is IMAGE or (asked.kind is None and x.ndim == 4 and x.dtype.name == "uint8"):
        return Rows(images_of(torch.from_numpy(x), str(where)), IMAGE, target=target)
    raw, said = matrix(x, where)
    asked.check(EMBEDDING, where, "holds embeddings")
    return Rows(raw, EMBEDDING, target=target, notes=said)


def _svmlight(where: Path, asked: Asked) -> Rows:
    import pandas as pd

    data, like = read_bytes(where), asked.like
    columns = like.num_features if isinstance(like, SparseEncoder) else None
    names = list(like.columns) if isinstance(like, TableEncoder) else []
    if named := [n for n in names if not re.fullmatch(r"f[0-9]+", n)]:
        raise ValueError(
            f"{where}: features by number (svmlight); the model takes columns such as {named[0]!r}"
        )
    raw, y, notes, first = read_svmlight(where, data, columns, asked.first)
    kind = TABLE if hasattr(raw, "columns") else TEXT
    if isinstance(like, TableEncoder):
        if kind is not TABLE:
            raise ValueError(f"{where}: {raw.num_columns} features; the model takes {len(names)}")
        if spare := [c for c in raw.columns if c not in names and raw[c].any()]:
            notes.append(Doubt(f"not used: feature {', '.join(spare[:8])}, which training did not have"))
        # What a file does not name is 0 in all its rows.
        raw, said = table_like(Sheet(where, raw.reindex(columns=names, fill_value=0.0)), like)
        notes += said
    target = Target(y, where, "labels")
    return Rows(
        raw, kind, pd.DataFrame({"label": y}), target=target, reading={"first_feature": first}, notes=notes
    )


def _labelled(sheet: Sheet, how: How, asked: Asked) -> Rows:
    """The rows of a sheet with the column of their labels."""
    notes: list[str] = []
    # Numbers of columns count those of the file, so they are looked up before any is left out.
    label = None if asked.label is None else find(sheet, asked.label, "label")
    text = None if asked.text is None else find(sheet, asked.text, "text")
    features = None if asked.features is None else [find(sheet, f, "features") for f in asked.features]
    dropped = [find(sheet, d, "drop") for d in how.drop]
    wanted = {"group": asked.group, "time": asked.time, "split": how.part_column, "weight": asked.weight}
    named = {what: find(sheet, column, what) for what, column in wanted.items() if column is not None}
    for column in (label, text, *named.values()):
        if column in dropped:
            raise ValueError(f"{sheet.path}: column {column!r} is asked for, and named in drop= too")
    for what, one in named.items():
        if one in (label, text):
            raise ValueError(
                f"{sheet.path}: column {one!r} is {'the label' if one == label else 'the text'}: "
                f"{what}= needs another"
            )
    every = sheet
    if dropped:
        sheet = replace(sheet, frame=sheet.frame.drop(columns=dropped))
        features = None if features is None else [f for f in features if f not in dropped]
        notes.append(f"left out as asked: {', '.join(map(repr, dropped))}")
    if named:  # no inputs, and no labels either
        sheet = replace(sheet, frame=sheet.frame.drop(columns=list(dict.fromkeys(named.values()))))
        features = None if features is None else [f for f in features if f not in named.values()]
    column = picture_column(sheet, how, label) if asked.kind in (None, IMAGE) and text is None else None
    if column is None and how.images is not None:
        raise ValueError(
            f"images={str(how.images)!r} is no option for {sheet.path}, which is not read as images"
        )
    if column is not None:
        role = roles(sheet, TABLE.name, None, label, [column])
    else:
        role = roles(sheet, None if asked.kind is None else asked.kind.name, text, label, features)
    target = role.label
    assert target is not None
    notes += [*sheet.notes, *role.notes]
    if column is not None:
        found = _pictures(every, column, how)
        spare = [c for c in map(str, sheet.frame.columns) if c not in (column, target)]
        notes += [f"not used: {', '.join(map(repr, spare[:8]))}"] if spare else []
    else:
        found = _by_role(every, role, how)
    beside = Beside.of({w: found.frame[c] for w, c in named.items()}, named, str(sheet.path))
    notes += [*found.notes, *beside.notes]
    notes += [f"column {c!r} is the {WHAT[w]}, and no input" for w, c in named.items()]
    values = found.frame[target]
    names = sheet.class_names.get(target)
    if names is None:
        names = names_beside(sheet.path, values, notes)
    reading = {"label": target, **({"missing": list(how.missing)} if how.missing else {})}
    stand = Target(values, sheet.path, f"column {target!r}", names)
    costs = numbers_beside(replace(every, frame=found.frame), asked.cost_columns)
    return replace(found, target=stand, beside=beside, costs=costs, reading=reading, notes=notes)


def _alike(sheet: Sheet, how: How, asked: Asked) -> Rows:
    """The rows of a sheet as a model takes them."""
    kind, notes = asked.kind, list(sheet.notes)
    assert kind is not None
    assert asked.like is not None
    if kind.sheet_like is not None:
        raw, said = kind.sheet_like(sheet, asked.like, how.missing)
        costs = numbers_beside(sheet, asked.cost_columns)
        return Rows(raw, kind, sheet.frame, costs=costs, notes=notes + said)
    if kind is IMAGE and (column := picture_column(sheet, how, None)) is not None:
        found = _pictures(sheet, column, how)
    else:
        found = _by_role(sheet, _role(sheet, kind, asked.text, notes), how)
    costs = numbers_beside(replace(sheet, frame=found.frame), asked.cost_columns)
    return replace(found, costs=costs, notes=notes + found.notes)


def _role(sheet: Sheet, kind: Kind, text: str | int | None, notes: list[str]) -> Roles:
    columns = [str(c) for c in sheet.frame.columns]
    chosen = find(sheet, text, "text") if text is not None else None
    if kind is TEXT and chosen is None and len(columns) == 1:
        chosen = columns[0]
    if kind is TEXT and chosen is None and len(columns) == 2 and not sheet.named:
        chosen = max(columns, key=lambda c: sheet.frame[c].nunique())
    _, inputs = inputs_of(sheet, kind.name, chosen, columns, False, notes, remedy="")
    return Roles(kind.name, None, inputs)


def _pictures(sheet: Sheet, column: str, how: How) -> Rows:
    """The pictures that a column names."""
    files, rows, notes = picture_files(sheet, column, how)
    raw, kept, said = read_images(files, str(sheet.path), how.skip_bad)
    frame = sheet.frame.iloc[[rows[i] for i in kept]].reset_index(drop=True)
    return Rows(raw, IMAGE, frame, [files[i] for i in kept], notes=notes + said)


def _by_role(sheet: Sheet, role: Roles, how: How) -> Rows:
    """The rows in the columns that are inputs."""
    kind, notes = kind_of(role.kind), list[str]()
    if kind is not IMAGE:
        sheet, notes = with_missing(sheet, role.features, how.missing)
    raw, kept = kind.in_columns(sheet, role.features, how.skip_bad, notes)
    frame = sheet.frame if kept is None else sheet.frame.iloc[kept].reset_index(drop=True)
    return Rows(raw, kind, frame, notes=notes)


def names_beside(path: Path, column: Any, notes: list[str]) -> list[str] | None:
    """Names from a class.txt beside the file, if it has exactly one line for each of the labels 0, 1, ..."""
    for name in ("class.txt", "classes.txt", "labels.txt"):
        file = path.with_name(name)
        if file.is_file() and file != path:
            names = [
                line.strip()
                for line in file.read_text(encoding="utf-8", errors="replace").split("\n")
                if line.strip()
            ]
            labels = {str(v).strip() for v in column}
            if labels == {str(i) for i in range(len(names))} and len(set(names)) == len(names):
                notes.append(f"class names from {name} beside the file")
                return names
    return None
