"""Tables to files, by the ending: csv, tsv, jsonl, parquet, feather, xlsx. Written beside and renamed, so that a file is
whole or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from longtail.data.sheet import suffix_of
from longtail.files import guarded, whole

TEXT = (".csv", ".tsv", ".jsonl", ".ndjson")
WRITTEN = (*TEXT, ".parquet", ".feather", ".xlsx")


def check_table_file(out: str | Path) -> None:
    """Can a table be written there?

    Raises:
        ValueError: an ending that is not written, or a folder of that name.
        ImportError: xlsx without openpyxl.

    >>> check_table_file("predictions.doc")
    Traceback (most recent call last):
    ValueError: out='predictions.doc' must end in one of .csv, .tsv, .jsonl, .ndjson, .parquet, .feather, .xlsx
    """
    file = Path(out)
    suffix = suffix_of(file)
    packed = file.suffix.lower() != suffix
    if suffix not in WRITTEN or (packed and (suffix not in TEXT or file.suffix.lower() != ".gz")):
        raise ValueError(f"out={str(out)!r} must end in one of {', '.join(WRITTEN)}")
    if file.is_dir():
        raise ValueError(f"out={str(out)!r} is a folder: name a file")
    above = next((p for p in file.parents if p.exists()), None)
    if above is not None and not above.is_dir():
        raise ValueError(f"out={str(out)!r}: {above} is a file, so nothing can be written in it")
    if suffix == ".xlsx":
        try:
            import openpyxl  # noqa: F401
        except ImportError as error:
            raise ImportError(
                f"out={str(out)!r}: to write xlsx, install openpyxl (pip install 'longtail[excel]'), or name a csv file"
            ) from error


def write_table(frame: Any, out: str | Path, raw: bool = False) -> None:
    """A data frame to a file, in the format of its ending; folders that are missing are made.

    ``raw`` leaves cells alone that a spreadsheet would run; else they get a quote in front (csv, tsv and xlsx only).

    Raises:
        ValueError, ImportError: as for :func:`check_table_file`.
    """
    check_table_file(out)
    file = Path(out)
    suffix = suffix_of(file)
    packing: Any = "gzip" if file.suffix.lower() == ".gz" else None

    if not raw and suffix in (".csv", ".tsv", ".xlsx"):
        frame = guarded(frame)
    with whole(file) as to:
        if suffix in (".csv", ".tsv"):
            frame.to_csv(to, index=False, sep="\t" if suffix == ".tsv" else ",", compression=packing)
        elif suffix in (".jsonl", ".ndjson"):
            frame.to_json(to, orient="records", lines=True, force_ascii=False, compression=packing)
        elif suffix == ".parquet":
            frame.to_parquet(to, index=False)
        elif suffix == ".feather":
            frame.to_feather(to)
        else:
            with to.open("wb") as opened:
                frame.to_excel(opened, index=False, engine="openpyxl")
