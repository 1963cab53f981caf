"""Read a data set: a file, a folder, or a built-in name. What was detected is said in ``Dataset.notes``.

| path                                     | kind                                                       |
|------------------------------------------|------------------------------------------------------------|
| csv, tsv, txt, data, jsonl, json, parquet | table or text; image or embedding for parquet that holds such |
| npz, safetensors                         | embedding                                                  |
| folder                                   | image (root/class/*.png), or a folder with train.* in it   |
| "digits-lt", "digits-lt:100"             | built in, at that imbalance factor                         |
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from longtail.data.arrays import FEATURE_NAMES, TARGET_NAMES, find_array, matrix, read_arrays
from longtail.data.columns import Roles, column_type, find, inputs_of, roles, table, table_like
from longtail.data.dataset import KINDS, Dataset
from longtail.data.delimited import read_delimited
from longtail.data.digits import digits_lt
from longtail.data.encode import (
    EmbeddingEncoder,
    Encoder,
    FeatureEncoder,
    ImageEncoder,
    TableEncoder,
    encoder_for,
)
from longtail.data.encoding import clean, decode
from longtail.data.images import SUFFIXES, list_folder, read_images
from longtail.data.imbalance import choose_first, long_tailed_counts
from longtail.data.in_memory import dataset_of, inputs_like
from longtail.data.reading import tell
from longtail.data.sheet import Sheet, read_bytes, read_json, read_parquet
from longtail.data.target import classes_of
from longtail.labels import Labels

DELIMITED = (".csv", ".tsv", ".txt", ".data", ".tab")
JSON = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
ARRAYS = (".npz", ".safetensors", ".npy")
SPLITS = {
    "train": ("train", "training"),
    "test": ("test",),
    "validation": ("validation", "valid", "val", "dev"),
}


def load(
    path: Any,
    *,
    kind: str | None = None,
    text: str | int | None = None,
    label: str | int | None = None,
    features: Sequence[str | int] | None = None,
    header: bool | None = None,
    name: str | None = None,
    split: str | None = None,
    imbalance: float | None = None,
    encoding: str | None = None,
) -> Dataset:
    """Read a labelled data set, from a file or from what is in memory.

    Args:
        path: a file, a folder, or "digits-lt" ("digits-lt:100" for imbalance factor 100); or a ``pandas.DataFrame``
        with a
            label column; or ``(X, y)``, where X is one of the forms of ``longtail.data.in_memory`` and y has one label
            a row.
        kind: "image", "text", "table" or "embedding"; None detects it.
        text: the column of a text data set, by name or number (from 0).
        label: the column (or array) of labels; None takes one called label, target, class, y or category,
            else the last.
        features: the columns to learn from; None takes all but the label.
        header: does the first row of a delimited file name the columns? None detects it.
        name: for display; None takes the file's.
        split: "train" (the default), "test" or "validation", of a folder that has them.
        imbalance: keep the first rows of each class, so that the counts fall exponentially by this factor
            from the largest class to the smallest: CIFAR-LT at 100 from a file that holds it at 10.
        encoding: of a text file; None takes UTF-8, or detects and says what else it is.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: what is there cannot be read as asked; names file, column, row and remedy.

    >>> data = load("digits-lt:50")
    >>> data.kind, data.labels.imbalance
    ('image', 58.0)
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind={kind!r} must be one of {', '.join(KINDS)}")
    if split is not None and split not in SPLITS:
        raise ValueError(f"split={split!r} must be one of {', '.join(SPLITS)}")
    if not isinstance(path, str | Path):
        data = dataset_of(path, kind, text, label, features, name or "data")
        return data if imbalance is None else _cut(data, imbalance)
    if str(path).split(":")[0] == "digits-lt" and not Path(path).exists():
        return _built_in(str(path), kind, split, imbalance)
    notes: list[str] = []
    where = _resolve(Path(path), split, notes)
    title = name or _title(Path(path))
    if where.is_dir():
        files, y, names, said = list_folder(where)
        images, more = read_images(files, str(where))
        data = _dataset(title, kind, "image", images, Labels.of(y, names), notes + said + more, where)
    elif _suffix(where) in ARRAYS:
        data = _from_arrays(where, title, kind, label, features, notes)
    else:
        sheet = _sheet(where, header, encoding)
        data = _from_sheet(sheet, title, notes, roles(sheet, kind, text, label, features))
    return data if imbalance is None else _cut(data, imbalance)


def _cut(data: Dataset, imbalance: float) -> Dataset:
    index = choose_first(data.labels, long_tailed_counts(data.labels, imbalance))
    note = f"cut to imbalance {imbalance:g}: the first rows of each class, {len(index)} of {len(data)}"
    cut = data.take(index)
    return Dataset.of(data.name, data.kind, cut.raw, cut.labels, (*data.notes, note))


def load_inputs(
    path: Any,
    like: Encoder,
    *,
    text: str | int | None = None,
    header: bool | None = None,
    split: str | None = None,
    encoding: str | None = None,
    say: Callable[[str], None] | None = None,
) -> Any:
    """Read rows to predict: what ``Dataset.raw`` would be, with or without a label beside it.

    Args:
        path: a file, a folder, or rows in one of the forms of ``longtail.data.in_memory``.
        like: the encoder of the model; a table needs its columns, in any order. Other columns are not used,
            and said so.
        text: the column of texts; None takes the only column, or detects it.
        header, split, encoding: as for :func:`load`.
        say: called with each note on what was detected and done; None warns of what could not be read.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: another kind of data than the encoder's, or a column that the model needs is missing.
    """
    notes: list[str] = []
    if isinstance(like, FeatureEncoder):
        like = like.front
    if not isinstance(path, str | Path):
        raw, notes = inputs_like(path, like, text)
    elif str(path).split(":")[0] == "digits-lt" and not Path(path).exists():
        raw = _built_in(str(path), None, split, None).raw
        if not isinstance(like, ImageEncoder):
            raise ValueError(f"{path} holds images; the model takes {like.kind}")
    else:
        raw = _inputs(_resolve(Path(path), split, notes), like, text, header, encoding, notes)
    tell(notes, say)
    return raw


def with_unlabelled(data: Dataset, path: str | Path) -> Dataset:
    """``data`` with the rows of another file or folder beside it, as inputs without labels.

    Args:
        data: what is labelled.
        path: rows like its own: the same columns, images, texts or embeddings of the same width; labels in it are not
            read.

    Raises:
        FileNotFoundError, ValueError: as for :func:`load_inputs`.
    """
    like = encoder_for(data).fit(data.raw)
    return data.with_unlabelled(load_inputs(path, like))


def _inputs(
    where: Path,
    like: Encoder,
    text: str | int | None,
    header: bool | None,
    encoding: str | None,
    notes: list[str],
) -> Any:
    if where.is_dir():
        if not isinstance(like, ImageEncoder):
            raise ValueError(f"{where} is a folder; the model takes {like.kind}")
        files = sorted(
            p for p in where.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
        )
        if not files:
            raise ValueError(f"{where}: no images in this folder ({', '.join(sorted(SUFFIXES))})")
        images, said = read_images(files, str(where))
        notes += said
        return images
    if _suffix(where) in ARRAYS:
        if not isinstance(like, EmbeddingEncoder):
            raise ValueError(f"{where} holds embeddings; the model takes {like.kind}")
        arrays = read_arrays(where)
        array = (
            next(iter(arrays.values()))
            if len(arrays) == 1
            else find_array(arrays, None, FEATURE_NAMES, "features", where)
        )
        rows, said = matrix(array, where)
        notes += said
        return rows
    if isinstance(like, ImageEncoder) and where.suffix.lower() in SUFFIXES:
        return read_images([where], str(where))[0]
    if like.kind == "text" and _suffix(where) == ".txt":
        whole, said = decode(read_bytes(where), where, encoding)
        if "\t" not in whole:
            lines = whole.removesuffix("\n").split("\n")
            notes += [*said, f"one text a line, {len(lines)} lines"]
            return lines
    sheet = _sheet(where, header, encoding, like.columns if isinstance(like, TableEncoder) else ())
    notes += sheet.notes
    columns = [str(c) for c in sheet.frame.columns]
    if isinstance(like, TableEncoder):
        frame, said = table_like(sheet, like)
        notes += said
        return frame
    chosen = find(sheet, text, "text") if text is not None else None
    if like.kind == "text" and chosen is None and len(columns) == 1:
        chosen = columns[0]
    if like.kind == "text" and chosen is None and len(columns) == 2 and not sheet.named:
        chosen = max(columns, key=lambda c: sheet.frame[c].nunique())
    _, inputs = inputs_of(sheet, like.kind, chosen, columns, False, notes)
    return _raw(sheet, Roles(like.kind, None, inputs), notes)


def _built_in(path: str, kind: str | None, split: str | None, imbalance: float | None) -> Dataset:
    _, colon, factor = path.partition(":")
    if kind not in (None, "image"):
        raise ValueError(f"{path} holds images; kind={kind!r} does not fit")
    if split not in (None, "train"):
        raise ValueError(f"split={split!r}: {path} has no parts; compare it by folds")
    try:
        return digits_lt(float(factor) if colon else (20.0 if imbalance is None else imbalance))
    except ValueError as error:
        raise ValueError(f"{path}: {error}; write digits-lt or, say, digits-lt:100") from error


def _resolve(path: Path, split: str | None, notes: list[str]) -> Path:
    """The file or image folder meant; a folder with train and test parts is one of them."""
    path = path.expanduser()
    if not path.exists():
        near = sorted(p.name for p in path.parent.iterdir())[:10] if path.parent.is_dir() else []
        beside = f"; beside it are {', '.join(near)}" if near else ""
        raise FileNotFoundError(f"{path} does not exist{beside}")
    if path.is_file():
        if split is not None and path.stem.lower() not in SPLITS[split]:
            raise ValueError(f"split={split!r}: {path} is one file; give the folder that has the parts")
        return path
    parts: dict[str, list[Path]] = {part: [] for part in SPLITS}
    files = []
    for child in sorted(path.iterdir()):
        if child.name.startswith("."):
            continue
        readable = child.is_dir() or _suffix(child) in (*DELIMITED, *JSON, *PARQUET, *ARRAYS)
        stem = child.name.split(".")[0].lower() if child.is_file() else child.name.lower()
        if readable and child.is_file():
            files.append(child)
        for part, words in SPLITS.items():
            # "train-00000-of-00002.parquet" is how the Hugging Face hub names them.
            if readable and stem.split("-0")[0] in words:
                parts[part].append(child)
    wanted = split or "train"
    if parts[wanted]:
        if len(parts[wanted]) > 1:
            shown = ", ".join(p.name for p in parts[wanted])
            raise ValueError(f"{path}: several parts called {wanted} ({shown}); give one of the files")
        others = [p for p, found in parts.items() if found and p != wanted]
        if others:
            notes.append(f"{parts[wanted][0].name} is read; the folder also has {', '.join(others)} (split=)")
        return parts[wanted][0]
    if split is not None:
        raise ValueError(
            f"{path}: no part called {split}; there are {', '.join(p.name for p in sorted(path.iterdir()))}"
        )
    if any(child.is_dir() and not child.name.startswith(".") for child in path.iterdir()):
        return path
    if len(files) == 1:
        notes.append(f"{files[0].name} is read, the only data file in the folder")
        return files[0]
    shown = ", ".join(p.name for p in sorted(path.iterdir())) or "nothing"
    raise ValueError(
        f"{path}: neither class folders with images nor a single data file; it holds {shown}: give a file"
    )


def _title(path: Path) -> str:
    stem = path.name.removesuffix(".gz")
    stem = stem.rsplit(".", 1)[0] if path.is_file() else path.resolve().name
    return path.resolve().parent.name if stem.lower() in sum(SPLITS.values(), ()) else stem


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _sheet(
    path: Path, header: bool | None, encoding: str | None, known: tuple[str, ...] | None = None
) -> Sheet:
    suffix = _suffix(path)
    if suffix in DELIMITED:
        return read_delimited(path, header, encoding, known)
    if suffix in JSON:
        return read_json(path, encoding)
    if suffix in PARQUET:
        return read_parquet(path)
    known_types = ", ".join((*DELIMITED, *JSON, *PARQUET, *ARRAYS))
    raise ValueError(f"{path}: files ending in {suffix or 'nothing'!r} are not read; known are {known_types}")


def _from_sheet(sheet: Sheet, title: str, notes: list[str], role: Roles) -> Dataset:
    assert role.label is not None
    notes = [*notes, *sheet.notes, *role.notes]
    declared = sheet.class_names.get(role.label)
    if declared is None:
        declared = _names_beside(sheet.path, sheet.frame[role.label], notes)
    y, names, said = classes_of(sheet.frame[role.label], f"{sheet.path}, column {role.label!r}", declared)
    notes += [note.removeprefix(f"{sheet.path}, ") for note in said]
    raw = _raw(sheet, role, notes)
    return Dataset.of(title, role.kind, raw, Labels.of(y, names), notes)


def _raw(sheet: Sheet, role: Roles, notes: list[str]) -> Any:
    if role.kind == "table":
        frame, said = table(sheet, role.features)
        notes += said
        return frame
    column = sheet.frame[role.features[0]]
    if role.kind == "text":
        gone = column.isna()
        if gone.any():
            notes.append(f"{int(gone.sum())} rows have no text: kept as empty")
        texts = [clean("" if missing else str(v)) for v, missing in zip(column, gone)]
        empty = sum(not t.strip() for t in texts) - int(gone.sum())
        if empty > 0:
            notes.append(f"{empty} rows have an empty text: kept")
        return texts
    if role.kind == "image":
        sources = [v["bytes"] if isinstance(v, dict) else v for v in column]
        for i, source in enumerate(sources):
            if not isinstance(source, bytes):
                raise ValueError(f"{sheet.path}, column {column.name!r}, row {i + 1}: no image bytes")
        images, said = read_images(sources, f"{sheet.path}, column {column.name!r}")
        notes += said
        return images
    return _embeddings(sheet, role.features, notes)


def _embeddings(sheet: Sheet, features: list[str], notes: list[str]) -> Any:
    import numpy as np

    if column_type(sheet.frame[features[0]]) == "embedding":
        column = sheet.frame[features[0]]
        lengths = {0 if v is None else len(v) for v in column}
        if len(lengths) > 1:
            raise ValueError(
                f"{sheet.path}, column {features[0]!r}: vectors of lengths {sorted(lengths)[:5]}; one is"
                " needed"
            )
        array = np.stack([np.asarray(v, dtype=np.float64) for v in column])
    else:
        frame, said = table(sheet, features)
        notes += said
        words = [c for c in features if frame[c].dtype.kind not in "fiub"]
        if words:
            raise ValueError(f"{sheet.path}: kind='embedding', but column {words[0]!r} holds words or dates")
        array = frame.to_numpy()
    rows, said = matrix(array, sheet.path)
    notes += said
    return rows


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
    y, names, said = classes_of(target, f"{path}, labels")
    notes = notes + [note.removeprefix(f"{path}, ") for note in said]
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
            labels = {str(v).strip() for v in column.unique()}
            if labels == {str(i) for i in range(len(names))} and len(set(names)) == len(names):
                notes.append(f"class names from {name} beside the file")
                return names
    return None
