"""Read a data set: a file, a folder, or a built-in name. What was detected is said in ``Dataset.notes``.

| path                                                     | kind                                                |
|----------------------------------------------------------|-----------------------------------------------------|
| csv, tsv, txt, data, or any text in rows                 | table or text; image where a column names pictures  |
| jsonl, json, arff, KEEL dat, xlsx                        | table or text; image where a column names pictures  |
| parquet, feather                                         | the same; image or embedding for columns that hold such |
| svmlight                                                 | table, or sparse features where there are many      |
| npz, npy, safetensors                                    | embedding                                           |
| folder                                                   | image (root/class/*.png), or a folder with train.* in it |
| "digits-lt", "digits-lt:100", "islands-lt"               | built in: images, or a table; at that imbalance factor |

The format is told by the content first and by the ending second; text files may be packed by gzip, bzip2, xz or zip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from longtail.data.arrays import FEATURE_NAMES, TARGET_NAMES, find_array, matrix, read_arrays
from longtail.data.built_in import built_in, is_built_in
from longtail.data.columns import Roles, find, roles
from longtail.data.dataset import KINDS, Dataset
from longtail.data.encode import encoder_for
from longtail.data.formats import check_options, format_of, read_sheet
from longtail.data.how import IN_MEMORY, How
from longtail.data.images import list_folder, read_images
from longtail.data.imbalance import choose_first, long_tailed_counts
from longtail.data.in_memory import dataset_of
from longtail.data.inputs import load_inputs
from longtail.data.missing import with_missing
from longtail.data.pictures import picture_column, picture_files
from longtail.data.places import resolve, title_of
from longtail.data.reading import short
from longtail.data.sheet import Sheet, read_bytes
from longtail.data.svmlight import read_svmlight
from longtail.data.target import classes_of
from longtail.data.values import raw_of
from longtail.labels import Labels


def load(
    path: Any,
    *,
    kind: str | None = None,
    text: str | int | None = None,
    label: str | int | None = None,
    features: Sequence[str | int] | None = None,
    drop: str | int | Sequence[str | int] | None = None,
    header: bool | None = None,
    name: str | None = None,
    split: str | None = None,
    imbalance: float | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    missing: str | Sequence[str] | None = None,
    skip_bad: bool = False,
    sheet: str | int | None = None,
    images: str | Path | None = None,
) -> Dataset:
    """Read a labelled data set, from a file or from what is in memory.

    Args:
        path: a file, a folder, or what is built in ("digits-lt:100": imbalance 100); or a ``pandas.DataFrame`` with
            a label column; or ``(X, y)``, where X is one of the forms of ``longtail.data.in_memory`` and y has one label
            a row. Options of files (drop, header, delimiter ...) are refused for what is in memory.
        kind: "image", "text", "table" or "embedding"; None detects it.
        text: the column of a text data set, by name or number (from 0).
        label: the column (or array) of labels; None takes one called label, target, class, y or category,
            else the last.
        features: the columns to learn from; None takes all but the label.
        drop: columns to leave out.
        header: does the first row of a delimited file name the columns? None detects it.
        name: for display; None takes the file's.
        split: "train" (the default), "test" or "validation", of a folder that has them.
        imbalance: keep the first rows of each class, so that the counts fall exponentially by this factor
            from the largest class to the smallest: CIFAR-LT at 100 from a file that holds it at 10.
        encoding: of a text file; None takes UTF-8, or detects and says what else it is.
        delimiter: between the cells of a text file: comma, tab, semicolon, bar or space; None detects it.
        missing: further cells that mean "no value" in the inputs, such as "-999".
        skip_bad: leave rows and pictures out that cannot be read, and count them, instead of stopping at the first.
        sheet: of a spreadsheet file, by name or number (from 0); None takes the first that is not empty.
        images: the folder of the pictures that a table names in a column.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: what is there cannot be read as asked; names file, column, row and remedy.

    >>> data = load("digits-lt:50")
    >>> data.kind, data.labels.classes.imbalance
    ('image', 58.0)
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind={kind!r} must be one of {', '.join(KINDS)}")
    how = How.of(
        drop=drop, header=header, encoding=encoding, delimiter=delimiter, missing=missing, skip_bad=skip_bad, sheet=sheet,
        images=images, split=split,
    )  # fmt: skip
    if not isinstance(path, str | Path):
        how.refuse_but((), IN_MEMORY)
        data = dataset_of(path, kind, text, label, features, name or "data")
        return data if imbalance is None else _cut(data, imbalance)
    if is_built_in(path):
        how.refuse_but(("split",), f"{path}, which is built in")
        _refuse_columns(path, label, text, features)
        return _built_in(path, kind, split, imbalance)
    notes: list[str] = []
    where = resolve(Path(path), how.split, notes)
    title = name or title_of(Path(path))
    form = "folder" if where.is_dir() else format_of(where)
    check_options(where, form, how)
    if form in ("folder", "svmlight"):
        _refuse_columns(where, label, text, features)
    if form == "folder":
        data = _from_folder(where, title, kind, how, notes)
    elif form == "picture":
        raise ValueError(f"{where}: a single picture; give the folder of class folders it is in")
    elif form == "arrays":
        data = _from_arrays(where, title, kind, label, features, notes)
    elif form == "svmlight":
        data = _from_svmlight(where, title, notes)
    else:
        found = read_sheet(where, form, how)
        data = _from_sheet(found, title, notes, how, kind, text, label, features)
    return data if imbalance is None else _cut(data, imbalance)


def _refuse_columns(where: str | Path, label: Any, text: Any, features: Any) -> None:
    for option, value in {"label": label, "text": text, "features": features}.items():
        if value is not None:
            raise ValueError(f"{option}={value!r} is no option for {where}, which has no columns with names")


def _cut(data: Dataset, imbalance: float) -> Dataset:
    index = choose_first(data.labels, long_tailed_counts(data.labels, imbalance))
    note = f"cut to imbalance {imbalance:g}: the first rows of each class, {len(index)} of {len(data)}"
    cut = data.take(index)
    cut = Dataset.of(data.name, data.kind, cut.raw, cut.labels, (*data.notes, note))
    return replace(cut, reading=data.reading)


def with_unlabelled(data: Dataset, path: str | Path) -> Dataset:
    """``data`` with the rows of another file or folder beside it, as inputs without labels.

    Args:
        data: what is labelled.
        path: rows like its own: the same columns, images, texts or embeddings of the same width; labels in it are not
            read, and cells that mean "no value" are those of ``data``.

    Raises:
        FileNotFoundError, ValueError: as for :func:`load_inputs`.
    """
    like = encoder_for(data).fit(data.raw)
    return data.with_unlabelled(load_inputs(path, like, reading=data.reading))


def _built_in(path: str | Path, kind: str | None, split: str | None, imbalance: float | None) -> Dataset:
    data = built_in(path, imbalance)
    if kind not in (None, data.kind):
        raise ValueError(f"{path} is {data.kind} data; kind={kind!r} does not fit")
    if split not in (None, "train"):
        raise ValueError(f"split={split!r}: {path} has no parts; compare it by folds")
    return data


def _from_folder(where: Path, title: str, kind: str | None, how: How, notes: list[str]) -> Dataset:
    files, y, names, said = list_folder(where)
    images, kept, more = read_images(files, str(where), how.skip_bad)
    labels = Labels.of([y[i] for i in kept], names)
    return _dataset(title, kind, "image", images, labels, notes + said + more, where)


def _from_sheet(
    sheet: Sheet,
    title: str,
    notes: list[str],
    how: How,
    kind: str | None,
    text: str | int | None,
    label: str | int | None,
    features: Sequence[str | int] | None,
) -> Dataset:
    named = label is not None
    # Numbers of columns count those of the file, so they are looked up before any is left out.
    label = None if label is None else find(sheet, label, "label")
    text = None if text is None else find(sheet, text, "text")
    features = None if features is None else [find(sheet, f, "features") for f in features]
    dropped = [find(sheet, d, "drop") for d in how.drop]
    for column in (label, text):
        if column in dropped:
            raise ValueError(f"{sheet.path}: column {column!r} is asked for, and named in drop= too")
    if dropped:
        sheet = replace(sheet, frame=sheet.frame.drop(columns=dropped))
        features = None if features is None else [f for f in features if f not in dropped]
        notes = [*notes, f"left out as asked: {', '.join(map(repr, dropped))}"]
    pictures = None
    if kind in (None, "image") and text is None:
        pictures = picture_column(sheet, how, label)
    if pictures is None and how.images is not None:
        raise ValueError(
            f"images={str(how.images)!r} is no option for {sheet.path}, which is not read as images"
        )
    if pictures is not None:
        role = roles(sheet, "table", None, label, [pictures])
    else:
        role = roles(sheet, kind, text, label, features)
    target = role.label
    assert target is not None
    notes = [*notes, *sheet.notes, *role.notes]
    raw: Any
    if pictures is not None:
        files, rows, said = picture_files(sheet, pictures, how)
        spare = [c for c in map(str, sheet.frame.columns) if c not in (pictures, target)]
        notes += said + ([f"not used: {', '.join(map(repr, spare[:8]))}"] if spare else [])
        raw, kept, said = read_images(files, str(sheet.path), how.skip_bad)
        notes += said
        sheet = replace(sheet, frame=sheet.frame.iloc[[rows[i] for i in kept]].reset_index(drop=True))
        role = Roles("image", target, [pictures])
    elif role.kind == "image":
        raw, kept = _stored_images(sheet, role, how, notes)
        sheet = replace(sheet, frame=sheet.frame.iloc[kept].reset_index(drop=True))
    else:
        sheet, said = with_missing(sheet, role.features, how.missing)
        notes += said
        raw = raw_of(sheet, role, notes)
    declared = sheet.class_names.get(target)
    if declared is None:
        declared = _names_beside(sheet.path, sheet.frame[target], notes)
    y, names, said = classes_of(
        sheet.frame[target], f"{sheet.path}, column {target!r}", declared, named=named
    )
    notes += [short(note, f"{sheet.path}, ") for note in said]
    remembered = {"label": target, **({"missing": list(how.missing)} if how.missing else {})}
    return replace(Dataset.of(title, role.kind, raw, Labels.of(y, names), notes), reading=remembered)


def _stored_images(sheet: Sheet, role: Roles, how: How, notes: list[str]) -> tuple[Any, list[int]]:
    """The images whose bytes are in a column, and the rows they are of."""
    column = sheet.frame[role.features[0]]
    sources = [v["bytes"] if isinstance(v, dict) else v for v in column]
    rows = [i for i, source in enumerate(sources) if isinstance(source, bytes)]
    if len(rows) < len(sources):
        absent = next(i for i, source in enumerate(sources) if not isinstance(source, bytes))
        if not how.skip_bad or not rows:
            raise ValueError(f"{sheet.path}, column {column.name!r}, row {absent + 1}: no image bytes")
        notes.append(
            f"{len(sources) - len(rows)} rows without image bytes are left out (first: row {absent + 1})"
        )
    images, kept, said = read_images(
        [sources[i] for i in rows], f"{sheet.path}, column {column.name!r}", how.skip_bad
    )
    notes += said
    return images, [rows[i] for i in kept]


def _from_arrays(
    path: Path,
    title: str,
    kind: str | None,
    label: str | int | None,
    features: Sequence[str | int] | None,
    notes: list[str],
) -> Dataset:
    arrays = read_arrays(path)
    wanted = str(features if isinstance(features, str) else features[0]) if features else None
    x = find_array(arrays, wanted, FEATURE_NAMES, "features", path)
    target = find_array(arrays, None if label is None else str(label), TARGET_NAMES, "label", path)
    if target.ndim == 2 and target.shape[1] == 1:
        target = target[:, 0]
    if target.ndim != 1 or len(target) != len(x):
        raise ValueError(f"{path}: labels of shape {tuple(target.shape)} for {len(x)} rows; [N] is needed")
    y, names, said = classes_of(target, f"{path}, labels", named=label is not None)
    notes = notes + [short(note, f"{path}, ") for note in said]
    if kind == "image" or (kind is None and x.ndim == 4 and x.dtype.name == "uint8"):
        images = torch.from_numpy(x)
        if images.shape[-1] == 3 and images.shape[1] != 3:
            images = images.permute(0, 3, 1, 2).contiguous()
        if images.dim() != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
            raise ValueError(
                f"{path}: images of shape {tuple(x.shape)} and {x.dtype}; uint8 [N, 3, H, W] is needed"
            )
        return Dataset.of(title, "image", images, Labels.of(y, names), notes)
    rows, said = matrix(x, path)
    return _dataset(title, kind, "embedding", rows, Labels.of(y, names), notes + said, path)


def _from_svmlight(path: Path, title: str, notes: list[str]) -> Dataset:
    raw, target, said, start = read_svmlight(path, read_bytes(path))
    y, names, more = classes_of(target, f"{path}, labels")
    notes = notes + said + [short(note, f"{path}, ") for note in more]
    kind = "table" if hasattr(raw, "columns") else "text"
    return replace(Dataset.of(title, kind, raw, Labels.of(y, names), notes), reading={"first_feature": start})


def _dataset(
    title: str, asked: str | None, kind: str, raw: Any, labels: Labels, notes: list[str], path: Path
) -> Dataset:
    if asked not in (None, kind):
        raise ValueError(f"{path} holds {kind} data; kind={asked!r} does not fit")
    return Dataset.of(title, kind, raw, labels, notes)


def _names_beside(path: Path, column: Any, notes: list[str]) -> list[str] | None:
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
