"""Tables to files, in the format of the ending: csv, tsv, jsonl, parquet, feather, xlsx. Written whole or not at all, and
safe to open in a spreadsheet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longtail.files import whole

TEXT = (".csv", ".tsv", ".jsonl", ".ndjson")
WRITTEN = (*TEXT, ".parquet", ".feather", ".xlsx")
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run, unless it is a number."""


def ending(path: str | Path) -> tuple[str, str]:
    """The ending of a file in small letters, and that of its compression.

    >>> ending("Saved.CSV"), ending("saved.csv.gz")
    (('.csv', ''), ('.csv', '.gz'))
    """
    found = [s.lower() for s in Path(path).suffixes]
    packed = found.pop() if found and found[-1] in COMPRESSIONS else ""
    return (found[-1] if found else ""), packed


def check_table_file(out: str | Path) -> None:
    """Raise where :func:`write_table` cannot write such a file: call it before the work.

    Raises:
        ValueError: an ending that is not written, or a folder of that name.
        ImportError: xlsx without openpyxl.

    >>> check_table_file("predictions.doc")
    Traceback (most recent call last):
    ValueError: out='predictions.doc' must end in one of .csv, .tsv, .jsonl, .ndjson, .parquet, .feather, .xlsx
    """
    file = Path(out)
    if file.is_dir():
        raise ValueError(f"out={str(out)!r} is a folder: name a file")
    if file.exists() and not file.is_file():  # /dev/stdout, a pipe
        return
    kind, packed = ending(file)
    if kind not in WRITTEN or (packed and kind not in TEXT):
        raise ValueError(f"out={str(out)!r} must end in one of {', '.join(WRITTEN)}")
    above = next((p for p in file.parents if p.exists()), None)
    if above is not None and not above.is_dir():
        raise ValueError(f"out={str(out)!r}: {above} is a file, so nothing can be written in it")
    if kind == ".xlsx":
        try:
            import openpyxl  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"out={str(out)!r}: to write xlsx, install openpyxl (pip install 'longtail[excel]'), or name a csv file"
            ) from error


def write_table(table: Any, out: str | Path, raw: bool = False) -> None:
    """A data frame to a file, without its index, in the format of its ending; folders that are missing are made.

    Args:
        table: a ``pandas.DataFrame``.
        out: one of ``WRITTEN``; those of text also packed: ``.gz``, ``.bz2``, ``.xz``. A pipe gets csv.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front (csv, tsv and xlsx only).

    Raises:
        ValueError, ImportError: as for :func:`check_table_file`.
        OSError: it cannot be written; an older file is whole.
    """
    check_table_file(out)
    kind, packed = ending(out)
    packing: Any = COMPRESSIONS.get(packed)
    if not raw and kind not in (".jsonl", ".ndjson", ".parquet", ".feather"):
        table = guarded(table)
    with whole(out) as to:
        if kind in (".jsonl", ".ndjson"):
            table.to_json(
                to, orient="records", lines=True, force_ascii=False, compression=packing, double_precision=15
            )
        elif kind == ".parquet":
            table.to_parquet(to, index=False)
        elif kind == ".feather":
            table.to_feather(to)
        elif kind == ".xlsx":
            with to.open("wb") as opened:
                table.to_excel(opened, index=False, engine="openpyxl")
        else:
            separator = "\t" if kind == ".tsv" else ","
            table.to_csv(to, index=False, sep=separator, compression=packing, encoding="utf-8")


def guarded(table: Any) -> Any:
    """The same frame with a quote before cells and names that a spreadsheet would run as a formula.

    >>> import pandas
    >>> guarded(pandas.DataFrame({"id": ["=1+1", "-3", "-a", "b"]})).id.tolist()
    ["'=1+1", '-3', "'-a", 'b']
    """
    out = table.copy(deep=False)
    for name in table.columns:
        column = table[name]
        if getattr(column.dtype, "kind", "O") in "biufcmM":  # numbers and times are written as such
            continue
        risky = column.astype(str).str.startswith(FORMULAS).fillna(False).to_numpy(dtype=bool)
        if risky.any():
            cells = column.to_numpy(dtype=object).copy()
            cells[risky] = [_safe(v) for v in cells[risky]]
            out[name] = cells
    out.columns = [_safe(c) for c in table.columns]
    return out


def _safe(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(FORMULAS):
        return value
    try:
        float(value.replace(",", "."))
    except ValueError:
        return "'" + value
    return value
