"""Saved predictions of any model, and counts and priors: read from files, by class name.

Columns are ``p_<class>`` or ``logit_<class>``, or bare class names, and ``label`` (optional). One column for two classes
is the probability, or the logit, of the class it names. In an npz: ``probs`` or ``logits`` ``[N, C]``, ``label`` or
``labels`` ``[N]``, and ``classes`` ``[C]`` (optional). What the columns hold is never guessed: bare class names need
``kind``, and a file whose numbers contradict its names is an error.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from longtail.adjust.inputs import Ints, looks_like_probabilities
from longtail.adjust.predictions import NO_LABEL, Predictions, both
from longtail.by_class import by_class

PREFIX = {"p_": "probabilities", "logit_": "logits"}
ARRAYS = {"probs": "probabilities", "probabilities": "probabilities", "logits": "logits"}
LABELS = ("label", "labels")
DECISIONS = ("prediction", "predicted")
"""Columns of decisions, which are made anew."""
ENDINGS = ".csv, .tsv, .parquet, .jsonl or .npz (a text file also with .gz, .bz2 or .xz)"
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
SEPARATORS = (",", ";", "\t", "|")


def ending(path: str | Path) -> tuple[str, str]:
    """The ending of a file in small letters, and that of its compression.

    >>> ending("Saved.CSV"), ending("saved.csv.gz")
    (('.csv', ''), ('.csv', '.gz'))
    """
    found = [s.lower() for s in Path(path).suffixes]
    packed = found.pop() if found and found[-1] in OPENERS else ""
    return (found[-1] if found else ""), packed


def read_vector(path: str | Path, name: str, names: Sequence[str] | None = None) -> list[float]:
    """One number for each class from JSON: a list in class order, or an object by class.

    Args:
        path: the file.
        name: what the numbers are, for the messages.
        names: the class names in order; None takes the object's own order.

    Raises:
        ValueError: no JSON of numbers, a class missing or given twice.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_bytes().decode("utf-8-sig"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as why:
        raise ValueError(f'{path}: {name} must be JSON, as {{"cat": 5000, "dog": 50}} ({why})') from None
    except OSError as why:
        raise type(why)(f"{path}: {name} cannot be read ({why.strerror})") from None
    numbers = list(data.values()) if isinstance(data, dict) else data
    if not isinstance(numbers, list) or (names is None and len(numbers) < 2):
        raise ValueError(
            f'{path}: {name} must be a list or an object of two classes or more, as {{"cat": 5000}}'
        )
    if bad := [
        v for v in numbers if isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v)
    ]:
        raise ValueError(
            f"{path}: {name} holds {bad[0]!r}, which is no number: each class needs its count or share"
        )
    try:
        found = by_class(name, data, list(data) if names is None and isinstance(data, dict) else names)
    except ValueError as why:
        raise ValueError(f"{path}: {why}") from None
    return list(found)


def read_counts(path: str | Path) -> tuple[Ints, tuple[str, ...] | None]:
    """Training counts ``[C]`` and class names from JSON: ``[5000, 50]`` or ``{"cat": 5000, "dog": 50}``.

    Raises:
        ValueError: neither form, fewer than two classes, or a count that is no whole number from 0 on.
    """
    values = read_vector(path, "counts")
    given = json.loads(Path(path).read_bytes().decode("utf-8-sig"))
    names = tuple(given) if isinstance(given, dict) else None
    for k, v in enumerate(values):
        if v != int(v) or not 0 <= v < 2**53:
            raise ValueError(
                f"{path}: count {v!r} of class {names[k] if names else k} is no whole number from 0 on"
            )
    return np.array(values, dtype=np.int64), names


def read_predictions(
    path: str | Path,
    names: Sequence[str] | None = None,
    kind: str | None = None,
    label: str | None = None,
    known: Sequence[str] | None = None,
) -> Predictions:
    """The predictions in a file.

    Args:
        path: ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl`` or ``.npz``; text also compressed (``.gz``, ``.bz2``, ``.xz``).
        names: class names in the order of numbered columns, or of an array's.
        kind: ``"probabilities"`` or ``"logits"``; needed where the columns are bare class names.
        label: the column of labels; None takes ``label`` or ``labels`` where there is one.
        known: class names in no order (the keys of the counts), by which bare columns are found.

    Raises:
        ValueError: another ending, a damaged file, no class columns, a gap in them, values that contradict the kind, or
            bad rows.
        FileNotFoundError: no such file.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the file of predictions in it")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file of predictions")
    try:
        return (
            _arrays(path, names, kind, label)
            if ending(path)[0] == ".npz"
            else _columns(path, names, kind, label, known)
        )
    except MemoryError:
        raise ValueError(f"{path} does not fit into memory: split it, and adjust the parts") from None


def _columns(
    path: Path, names: Sequence[str] | None, kind: str | None, label: str | None, known: Sequence[str] | None
) -> Predictions:
    file, packed = ending(path)
    text = file in (".csv", ".tsv", ".txt")
    separator, header = _header(path, file, packed) if text else ("", [])
    table = None if text else _whole_table(path, file, packed)
    header = header if table is None else [str(c) for c in table.columns]
    if twice := [c for c in header if header.count(c) > 1]:
        raise ValueError(f"{path}: there are two columns {twice[0]!r}; rename or remove one")
    at = _label_column(path, header, label)
    columns, said, called = _class_columns(path, header, names, known, at)
    table = _text_table(path, separator, header, columns) if table is None else table
    if not len(table):
        raise ValueError(f"{path}: there is no row in it")
    values = _numbers(path, table, columns)
    labels = None if at is None else table[at].to_numpy(dtype=object)
    if said is None and kind is None:
        like = "probabilities" if looks_like_probabilities(values) else "logits"
        raise ValueError(
            f"{path}: columns named by class alone do not say what they hold; they look like {like}: pass "
            f"--kind {like} (kind='{like}') if they are"
        )
    held = _agreed(path, said, kind)
    notes: tuple[str, ...] = ()
    first = False
    if len(columns) == 1:
        called, first = _two_classes(path, columns[0], called, names, known, labels)
        complement = "1 - p" if held == "probabilities" else "0"
        notes = (f"one column for two classes: {columns[0]}; that of {called[1 - first]} is {complement}",)
    try:
        if len(columns) == 1:
            values = both(values, held)[:, ::-1] if first else both(values, held)
        found = Predictions.of(values, held, labels, called)
    except ValueError as why:
        raise ValueError(f"{path}: {why}") from None
    taken = {*columns, at, *DECISIONS}
    others = table[[c for c in table.columns if c not in taken]]
    return replace(found, others=others if others.shape[1] else None, notes=(*notes, *found.notes))


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
    at = _label_column(path, list(arrays), label)
    if names is None and "classes" in arrays:
        names = [str(c) for c in arrays["classes"].tolist()]
    held = _agreed(path, ARRAYS[found[0]], kind)
    try:
        values = arrays[found[0]].astype(np.float64)
        read = Predictions.of(values, held, None if at is None else arrays[at], names)
    except (ValueError, TypeError) as why:
        raise ValueError(f"{path}: {why}") from None
    taken = {found[0], at, "classes", *DECISIONS}
    kept = {k: v for k, v in arrays.items() if k not in taken and v.ndim == 1 and len(v) == len(read)}
    return replace(read, others=kept or None)


def _label_column(path: Path, columns: list[str], label: str | None) -> str | None:
    if label is not None and label not in columns:
        shown = ", ".join(map(repr, columns[:20]))
        raise ValueError(f"{path}: there is no column {label!r} for --label; it has {shown}")
    return label if label is not None else next((c for c in LABELS if c in columns), None)


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
        "encoding": "utf-8-sig", "compression": "infer", "skip_blank_lines": True,
    }  # fmt: skip
    compression = {"": None, ".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}[ending(path)[1]]
    how["compression"] = compression
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
        if file in (".jsonl", ".ndjson"):
            with _opened(path, packed) as opened:
                rows = [json.loads(line) for line in opened if line.strip()]
            if not all(isinstance(row, dict) for row in rows):
                raise ValueError("each line must be an object of columns")
            return pandas.DataFrame(rows, dtype=object)
    except PermissionError:
        raise
    except Exception as why:  # pyarrow, gzip, lzma and json each have their own
        said = " ".join(str(why).split())[:200]
        raise ValueError(
            f"{path} is damaged, or is not what its ending says ({said}): write it again"
        ) from None
    raise ValueError(f"{path}: predictions are read from {ENDINGS}")


def _numbers(path: Path, table: Any, columns: list[str]) -> Any:
    """The class columns as float64 ``[N, C]``; the first cell that is no number is named."""
    import pandas

    out = np.empty((len(table), len(columns)))
    for k, c in enumerate(columns):
        column = table[c]
        if pandas.api.types.is_numeric_dtype(column) and not pandas.api.types.is_bool_dtype(column):
            out[:, k] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        text = column.astype(object).map(
            lambda v: "nan" if v is None or v != v or str(v).lower() in NO_LABEL else str(v)
        )
        numbers = pandas.to_numeric(text, errors="coerce")
        wrong = numbers.isna() & (text != "nan")
        if wrong.any():  # 0,25
            numbers = pandas.to_numeric(text.str.replace(",", ".", n=1), errors="coerce")
            wrong = numbers.isna() & (text != "nan")
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise ValueError(
                f"{path}: row {row}, column {c!r} holds {column.iloc[row]!r}, which is no number"
            )
        out[:, k] = numbers
    return out


def _class_columns(
    path: Path,
    columns: list[str],
    names: Sequence[str] | None,
    known: Sequence[str] | None,
    label: str | None,
) -> tuple[list[str], str | None, tuple[str, ...]]:
    """The class columns in class order, what their names say they hold, and the class names."""
    for prefix, said in PREFIX.items():
        found = [c for c in columns if c.startswith(prefix) and c not in (prefix, label)]
        if not found:
            continue
        rest = [c.removeprefix(prefix) for c in found]
        numbered = sorted(rest) == sorted(map(str, range(len(rest)))) and len(rest) > 1
        if numbered and (names is None or not set(names) & set(rest)):
            order = [str(k) for k in range(len(rest))]
            return [prefix + k for k in order], said, tuple(names or order)
        if names is None or len(rest) == 1:
            return found, said, tuple(rest)
        if missing := [n for n in names if n not in rest]:
            raise ValueError(f"{path}: there is no column {prefix + missing[0]!r}; it has {found[:20]}")
        return [prefix + n for n in names], said, tuple(names)
    called = names if names is not None else known
    if called is None:
        raise ValueError(
            f"{path}: no column begins with 'p_' or 'logit_'; give counts by class name, or --classes, if the columns "
            f"are named by class; it has {columns[:20]}"
        )
    if missing := [n for n in called if n not in columns]:
        raise ValueError(f"{path}: there is no column for class {missing[0]!r}; it has {columns[:20]}")
    order = list(names) if names is not None else [c for c in columns if c in set(called)]
    return order, None, tuple(order)


def _two_classes(
    path: Path,
    column: str,
    called: tuple[str, ...],
    names: Sequence[str] | None,
    known: Sequence[str] | None,
    labels: Any,
) -> tuple[tuple[str, ...], bool]:
    """The names of two classes of which one has a column, and whether that is the first."""
    own = called[0]
    found = [str(v) for v in dict.fromkeys(labels.tolist() if labels is not None else ())]
    seen = [v for v in found if v.lower() not in NO_LABEL or v == own]
    for two in (names, known, ("0", "1"), seen):
        if two is not None and len(two) == 2 and own in two:
            other = next(n for n in two if n != own)
            order = tuple(two) if two is names or two == ("0", "1") else (other, own)
            return order, order[0] == own
    raise ValueError(
        f"{path}: one column, {column!r}, for two classes: the other is 1 - p, but its name is not known; give counts by "
        "class name, or --classes OTHER," + own
    )


def _agreed(path: Path, said: str | None, kind: str | None) -> str:
    if said is not None and kind is not None and said != kind:
        raise ValueError(
            f"{path}: its columns are named as {said}, and kind='{kind}': rename them or leave kind out"
        )
    return kind or str(said)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: Mapping[str, Any] = dict(pairs)
    if len(found) < len(pairs):
        keys = [k for k, _ in pairs]
        raise ValueError(f"{next(k for k in keys if keys.count(k) > 1)!r} is given twice")
    return dict(found)
