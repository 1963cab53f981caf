"""Saved predictions of any model, and counts and priors: read from files, by class name.

What the columns of a table mean is in ``longtail.adjust.columns``. In an npz: ``probs`` or ``logits`` ``[N, C]``,
``label`` or ``labels`` ``[N]``, and ``classes`` ``[C]`` (optional).
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from longtail.adjust.columns import DECISIONS, agreed, find_columns, label_column, predictions_in
from longtail.adjust.inputs import Ints
from longtail.adjust.predictions import NO_LABEL, Predictions
from longtail.by_class import read_by_class
from longtail.tables import COMPRESSIONS, ending

ARRAYS = {"probs": "probabilities", "probabilities": "probabilities", "logits": "logits"}
ENDINGS = ".csv, .tsv, .jsonl, .parquet, .feather, .xlsx or .npz (a text file also with .gz, .bz2 or .xz)"
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
TEXT = (".csv", ".tsv", ".txt")
SEPARATORS = (",", ";", "\t", "|")


def read_counts(path: str | Path) -> tuple[Ints, tuple[str, ...] | None]:
    """Training counts ``[C]`` and class names from JSON: ``[5000, 50]`` or ``{"cat": 5000, "dog": 50}``.

    Raises:
        ValueError: neither form, fewer than two classes, or a count that is no whole number from 0 on.
    """
    values = read_by_class(path, "counts")
    given = json.loads(Path(path).read_bytes().decode("utf-8-sig"))
    names = tuple(given) if isinstance(given, dict) else None
    for k, v in enumerate(values):
        if v != int(v) or not 0 <= v < 2**53:
            raise ValueError(
                f"{path}: count {v!r} of class {names[k] if names else k} is no whole number from 0 on"
            )
    return np.array(values, dtype=np.int64), names


def read_predictions(
    path: str | Path | Any,
    names: Sequence[str] | None = None,
    kind: str | None = None,
    label: str | None = None,
    known: Sequence[str] | None = None,
    argument: str = "predictions",
) -> Predictions:
    """The predictions in a file, or in a data frame of such columns.

    Args:
        path: a ``pandas.DataFrame``, or a file: ``.csv``, ``.tsv``, ``.jsonl``, ``.parquet``, ``.feather``, ``.xlsx`` or
            ``.npz``; text also compressed (``.gz``, ``.bz2``, ``.xz``).
        names: class names in the order of numbered columns, or of an array's.
        kind: ``"probabilities"`` or ``"logits"``; needed where the columns are bare class names.
        label: the column of labels; None takes ``label`` or ``labels`` where there is one.
        known: class names in no order (the keys of the counts), by which bare columns are found.
        argument: what a data frame is called in messages.

    Raises:
        TypeError: neither a file nor a data frame.
        ValueError: another ending, a damaged file, no class columns, a gap in them, values that contradict the kind, or
            bad rows.
        FileNotFoundError: no such file.
    """
    if hasattr(path, "columns"):
        return predictions_in(path, argument, names, kind, label, known)
    if not isinstance(path, str | Path):
        raise TypeError(
            f"{argument} is a {type(path).__name__}; give a file, a data frame with columns p_CLASS or logit_CLASS, "
            "or longtail.adjust.Predictions.of(values, kind, label)"
        )
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the file of predictions in it")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file of predictions")
    try:
        file, packed = ending(path)
        if file == ".npz":
            return _arrays(path, names, kind, label)
        if file in TEXT:
            separator, header = _header(path, file, packed)
            columns = find_columns(str(path), header, names, label, known).of_classes
            table = _text_table(path, separator, header, columns)
        else:
            table = _whole_table(path, file, packed)
        return predictions_in(table, str(path), names, kind, label, known)
    except MemoryError:
        raise ValueError(f"{path} does not fit into memory: split it, and adjust the parts") from None


def _arrays(path: Path, names: Sequence[str] | None, kind: str | None, label: str | None) -> Predictions:
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {key: data[key] for key in data.files}
    except PermissionError:
        raise
    except Exception as why:  # zipfile, zlib and numpy each have their own
        raise ValueError(
            f"{path} is damaged, no npz, or holds Python objects ({type(why).__name__}: {why}); write it again with "
            "numpy.savez"
        ) from None
    found = [key for key in ARRAYS if key in arrays]
    if len(found) != 1:
        raise ValueError(f"{path}: needs one array named 'probs' or 'logits', it has {sorted(arrays)}")
    at = label_column(str(path), list(arrays), label)
    if names is None and "classes" in arrays:
        names = [str(c) for c in arrays["classes"].tolist()]
    held = agreed(str(path), ARRAYS[found[0]], kind)
    try:
        values = arrays[found[0]].astype(np.float64)
        read = Predictions.of(values, held, None if at is None else arrays[at], names)
    except (ValueError, TypeError) as why:
        raise ValueError(f"{path}: {why}") from None
    taken = {found[0], at, "classes", *DECISIONS}
    kept = {k: v for k, v in arrays.items() if k not in taken and v.ndim == 1 and len(v) == len(read)}
    return replace(read, others=kept or None)


def _opened(path: Path, packed: str) -> Any:
    opener: Any = OPENERS.get(packed, open)
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def _header(path: Path, file: str, packed: str) -> tuple[str, list[str]]:
    """The separator of a text file, and its column names."""
    try:
        with _opened(path, packed) as opened:
            first = opened.readline(1_000_000)
    except UnicodeDecodeError as why:
        raise ValueError(f"{path} is not UTF-8 (byte {why.start}): save it as UTF-8") from None
    except PermissionError:
        raise
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as why:
        raise ValueError(f"{path} is damaged, or is not what its ending says ({why})") from None
    if not first.strip():
        raise ValueError(f"{path}: the first line is empty; it must name the columns")
    wanted = "\t" if file == ".tsv" and "\t" in first else max(SEPARATORS, key=first.count)
    return wanted, next(csv.reader([first], delimiter=wanted))


def _text_table(path: Path, separator: str, header: list[str], columns: list[str]) -> Any:
    """The rows of a text file: class columns as numbers where they all are, everything else as it is written."""
    import pandas

    kinds: dict[str, Any] = {c: "float64" if c in columns else str for c in header}
    how: dict[str, Any] = {
        "sep": separator, "names": header, "skiprows": 1, "header": None, "index_col": False, "keep_default_na": False,
        "na_values": {c: sorted(NO_LABEL | {s.upper() for s in NO_LABEL} | {"NaN"}) for c in columns},
        "encoding": "utf-8-sig", "skip_blank_lines": True,
    }  # fmt: skip
    how["compression"] = COMPRESSIONS.get(ending(path)[1])
    try:
        try:
            return pandas.read_csv(path, dtype=kinds, **how)
        except ValueError:  # a cell that is no number, or a decimal comma: look at the cells
            return pandas.read_csv(path, dtype=str, **{**how, "na_values": None})
    except UnicodeDecodeError as why:
        raise ValueError(f"{path} is not UTF-8 (byte {why.start}): save it as UTF-8") from None
    except (ValueError, OSError, EOFError, lzma.LZMAError, zlib.error) as why:
        raise ValueError(f"{path} is damaged: {' '.join(str(why).split())}") from None


def _whole_table(path: Path, file: str, packed: str) -> Any:
    import pandas

    try:
        if file == ".parquet":
            return pandas.read_parquet(path)
        if file == ".feather":
            return pandas.read_feather(path)
        if file == ".xlsx":
            return pandas.read_excel(path, keep_default_na=False, na_values=[""])
        if file in (".jsonl", ".ndjson"):
            with _opened(path, packed) as opened:
                rows = [json.loads(line) for line in opened if line.strip()]
            if not all(isinstance(row, dict) for row in rows):
                raise ValueError("each line must be an object of columns")
            return pandas.DataFrame(rows, dtype=object)
    except (PermissionError, ImportError):
        raise
    except Exception as why:  # pyarrow, gzip, lzma and json each have their own
        said = " ".join(str(why).split())[:200]
        raise ValueError(
            f"{path} is damaged, or is not what its ending says ({said}): write it again"
        ) from None
    raise ValueError(f"{path}: predictions are read from {ENDINGS}")
