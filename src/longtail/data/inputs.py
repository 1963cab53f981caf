"""Rows to predict: read as a model takes them, with what else stands beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from longtail.data.arrays import FEATURE_NAMES, find_array, matrix, read_arrays
from longtail.data.built_in import built_in, is_built_in
from longtail.data.columns import Roles, find, inputs_of, table_like
from longtail.data.encode import (
    EmbeddingEncoder,
    Encoder,
    FeatureEncoder,
    SparseEncoder,
    TableEncoder,
)
from longtail.data.formats import check_options, format_of, read_sheet
from longtail.data.how import IN_MEMORY, How, Wanted, listed
from longtail.data.images import SUFFIXES, list_pictures, read_images
from longtail.data.in_memory import inputs_like, sheet_of
from longtail.data.missing import with_missing
from longtail.data.pictures import picture_column, picture_files
from longtail.data.places import resolve
from longtail.data.reading import Doubt, tell
from longtail.data.sheet import Sheet, read_bytes
from longtail.data.svmlight import read_svmlight
from longtail.data.values import raw_of


@dataclass
class Inputs:
    """Rows to predict.

    Attributes:
        raw: what ``Dataset.raw`` would be.
        frame: the columns of the file, a row for each of ``raw``; None where there are none.
        paths: the file of each image; None for other data.
        root: the folder that the images were read from, where it was a folder.
        notes: what was detected and done, in plain words.
    """

    raw: Any
    frame: Any = None
    paths: list[Path] | None = None
    root: Path | None = None
    notes: list[str] = field(default_factory=list)


def load_inputs(path: Any, like: Encoder, *, say: Callable[[str], None] | None = None, **how: Any) -> Any:
    """Read rows to predict: what ``Dataset.raw`` would be, with or without a label beside it.

    Args:
        like: the encoder of the model; a table needs its columns, in any order. Other columns are not used,
            and said so.
        say: called with each note on what was detected and done; None warns of what could not be read.
        how: as for :func:`read_inputs`.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: another kind of data than the encoder's, or a column that the model needs is missing.
    """
    found = read_inputs(path, like, **how)
    tell(found.notes, say)
    return found.raw


def read_inputs(
    path: Any,
    like: Encoder,
    *,
    classes: Sequence[str] = (),
    text: str | int | None = None,
    header: bool | None = None,
    split: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    missing: str | Sequence[str] | None = None,
    skip_bad: bool = False,
    sheet: str | int | None = None,
    images: str | Path | None = None,
    reading: Mapping[str, Any] | None = None,
) -> Inputs:
    """Read rows to predict, and what else stands beside them.

    Args:
        path: a file, a folder, or rows in one of the forms of ``longtail.data.in_memory``.
        like: the encoder of the model.
        classes: the names of the model's classes, by which labels in front of texts are known.
        text: the column of texts; None takes the only column, or detects it.
        header, split, encoding, delimiter, missing, skip_bad, sheet, images: as for ``longtail.data.load``; for rows in
            memory they are refused.
        reading: what the model remembers of how its data was read (``Dataset.reading``): its cells that mean "no value"
            mean it here too, in a file and in memory, unless ``missing`` says otherwise.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: another kind of data than the encoder's, or a column that the model needs is missing.
    """
    if isinstance(like, FeatureEncoder):
        like = like.front
    how = How.of(
        header=header, encoding=encoding, delimiter=delimiter, missing=missing, skip_bad=skip_bad, sheet=sheet,
        images=images, split=split,
    )  # fmt: skip
    remembered = tuple(map(str, listed((reading or {}).get("missing"))))
    if not isinstance(path, str | Path):
        how.refuse_but((), IN_MEMORY)
        raw, said = inputs_like(path, like, text, remembered)
        return Inputs(raw, sheet_of(path).frame if hasattr(path, "columns") else None, notes=said)
    if is_built_in(path):
        how.refuse_but((), f"{path}, which is built in")
        data = built_in(path)
        if data.kind != like.kind:
            raise ValueError(f"{path} is {data.kind} data; the model takes {like.kind}")
        raw, said = inputs_like(data.raw, like, text)
        return Inputs(raw, notes=said)
    if how.images is not None and like.kind != "image":
        raise ValueError(f"images={str(images)!r}: the model takes {like.kind}")
    notes: list[str] = []
    where = Path(path).expanduser()
    if like.kind != "image" or how.split is not None or not where.is_dir():
        where = resolve(where, how.split, notes)
    form = "folder" if where.is_dir() else format_of(where)
    check_options(where, form, how)
    if missing is None:
        how = replace(how, missing=remembered)
    if form == "folder":
        found = _folder(where, like, how)
    else:
        found = _file(where, form, like, text, how, tuple(classes), (reading or {}).get("first_feature"))
    return replace(found, notes=[*notes, *found.notes])


def _folder(where: Path, like: Encoder, how: How) -> Inputs:
    """Every image in a folder, whatever the folders in it are called."""
    if like.kind != "image":
        raise ValueError(f"{where} is a folder; the model takes {like.kind}")
    files = list_pictures(where)
    raw, kept, said = read_images(files, str(where), how.skip_bad)
    return Inputs(raw, paths=[files[i] for i in kept], root=where, notes=said)


def _file(
    where: Path,
    form: str,
    like: Encoder,
    text: str | int | None,
    how: How,
    classes: tuple[str, ...],
    first: int | None,
) -> Inputs:
    if form == "picture" or where.suffix.lower() in SUFFIXES:
        if like.kind != "image":
            raise ValueError(f"{where} is a picture; the model takes {like.kind}")
        return Inputs(read_images([where], str(where))[0], paths=[where])
    if form == "arrays":
        return _arrays(where, like)
    if form == "svmlight" and isinstance(like, SparseEncoder | TableEncoder):
        return _svmlight(where, like, first)
    columns = like.columns if isinstance(like, TableEncoder) else ()
    sheet = read_sheet(where, form, how, Wanted(columns, like.kind == "text", classes))
    notes = list(sheet.notes)
    if isinstance(like, TableEncoder):
        raw, said = table_like(sheet, like, how.missing)
        return Inputs(raw, sheet.frame, notes=notes + said)
    if like.kind == "image" and (column := picture_column(sheet, how, None)) is not None:
        files, rows, said = picture_files(sheet, column, how)
        raw, kept, more = read_images(files, str(where), how.skip_bad)
        frame = sheet.frame.iloc[[rows[i] for i in kept]].reset_index(drop=True)
        return Inputs(raw, frame, [files[i] for i in kept], notes=notes + said + more)
    role = _role(sheet, like, text, notes)
    if role.kind == "image":
        sources = [v["bytes"] if isinstance(v, dict) else v for v in sheet.frame[role.features[0]]]
        for i, source in enumerate(sources):
            if not isinstance(source, bytes):
                raise ValueError(f"{where}, column {role.features[0]!r}, row {i + 1}: no image bytes")
        raw, kept, said = read_images(sources, f"{where}, column {role.features[0]!r}", how.skip_bad)
        return Inputs(raw, sheet.frame.iloc[kept].reset_index(drop=True), notes=notes + said)
    emptied, said = with_missing(sheet, role.features, how.missing)
    notes += said
    return Inputs(raw_of(emptied, role, notes), sheet.frame, notes=notes)


def _arrays(where: Path, like: Encoder) -> Inputs:
    if not isinstance(like, EmbeddingEncoder):
        raise ValueError(f"{where} holds embeddings; the model takes {like.kind}")
    arrays = read_arrays(where)
    array = (
        next(iter(arrays.values()))
        if len(arrays) == 1
        else find_array(arrays, None, FEATURE_NAMES, "features", where)
    )
    rows, said = matrix(array, where)
    return Inputs(rows, notes=said)


def _svmlight(where: Path, like: SparseEncoder | TableEncoder, first: int | None) -> Inputs:
    import pandas as pd

    data = read_bytes(where)
    if isinstance(like, SparseEncoder):
        raw, y, notes, _ = read_svmlight(where, data, like.num_features, first)
    else:
        names = list(like.columns)
        if named := [n for n in names if not re.fullmatch(r"f[0-9]+", n)]:
            raise ValueError(
                f"{where}: features by number (svmlight); the model takes columns such as {named[0]!r}"
            )
        raw, y, notes, _ = read_svmlight(where, data, None, first)
        if not isinstance(raw, pd.DataFrame):
            raise ValueError(f"{where}: {raw.num_columns} features; the model takes {len(names)}")
        if spare := [c for c in raw.columns if c not in names and raw[c].any()]:
            notes.append(Doubt(f"not used: feature {', '.join(spare[:8])}, which training did not have"))
        # What a file does not name is 0 in all its rows.
        raw, said = table_like(Sheet(where, raw.reindex(columns=names, fill_value=0.0)), like)
        notes += said
    return Inputs(raw, pd.DataFrame({"label": y}), notes=notes)


def _role(sheet: Sheet, like: Encoder, text: str | int | None, notes: list[str]) -> Roles:
    columns = [str(c) for c in sheet.frame.columns]
    chosen = find(sheet, text, "text") if text is not None else None
    if like.kind == "text" and chosen is None and len(columns) == 1:
        chosen = columns[0]
    if like.kind == "text" and chosen is None and len(columns) == 2 and not sheet.named:
        chosen = max(columns, key=lambda c: sheet.frame[c].nunique())
    _, inputs = inputs_of(sheet, like.kind, chosen, columns, True, notes)
    return Roles(like.kind, None, inputs)
