"""Predictions into files: whole or not at all, in the format of the ending, safe to open in a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from longtail.adjust.inputs import Ints, softmax
from longtail.adjust.predictions import Predictions
from longtail.adjust.saved import ending
from longtail.files import guarded, whole

COMPRESSION = {"": None, ".gz": "gzip", ".bz2": "bz2", ".xz": "xz"}
TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".xlsx")


def check_table_ending(path: str | Path) -> None:
    """Raise where :func:`write_table` cannot write such a file: call it before the work.

    Raises:
        ValueError: an ending that is not written.
        ImportError: xlsx without openpyxl.
    """
    kind, packed = ending(path)
    if kind not in TABLES or (packed and kind in (".parquet", ".xlsx")):
        if Path(path).exists() and not Path(path).is_file():  # /dev/stdout
            return
        raise ValueError(
            f"{path}: a table is written as .csv, .tsv, .jsonl, .parquet or .xlsx (text also with .gz, .bz2 or .xz)"
        )
    if kind == ".xlsx":
        try:
            import openpyxl  # noqa: F401
        except ImportError as why:
            raise ImportError(f"{path}: xlsx needs openpyxl: pip install openpyxl, or write .csv") from why


def write_table(table: Any, path: str | Path, raw: bool = False) -> None:
    """A data frame into a file, without its index, in the format of the ending (csv where there is none).

    Args:
        table: a ``pandas.DataFrame``.
        path: ``.csv``, ``.tsv``, ``.jsonl`` (each also with ``.gz``, ``.bz2`` or ``.xz``), ``.parquet`` or ``.xlsx``.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front (csv, tsv and xlsx only).

    Raises:
        ValueError, ImportError: see :func:`check_table_ending`.
        OSError: it cannot be written; an older file is whole.
    """
    check_table_ending(path)
    kind, packed = ending(path)
    packing: Any = COMPRESSION[packed]
    if not raw and kind in (".csv", ".tsv", ".xlsx", ""):
        table = guarded(table)
    with whole(path) as temporary:
        if kind == ".parquet":
            table.to_parquet(temporary, index=False)
        elif kind == ".jsonl":
            table.to_json(
                temporary,
                orient="records",
                lines=True,
                force_ascii=False,
                compression=packing,
                double_precision=15,
            )
        elif kind == ".xlsx":
            with temporary.open("wb") as file:
                table.to_excel(file, index=False, engine="openpyxl")
        else:
            separator = "\t" if kind == ".tsv" else ","
            table.to_csv(temporary, index=False, sep=separator, compression=packing, encoding="utf-8")


def write_predictions(predictions: Predictions, decided: Ints, path: str | Path, raw: bool = False) -> None:
    """Write the other columns, the probabilities, the decision and the label (where known).

    Raises:
        ValueError: an ending that is not written.
    """
    probs = softmax(predictions.logits)
    named = np.array(predictions.names, dtype=object)
    if ending(path)[0] == ".npz":
        text = named.astype(str)
        arrays: dict[str, Any] = {"probs": probs, "prediction": text[decided], "classes": text}
        if predictions.y is not None:
            arrays["label"] = np.append(text, "")[predictions.y]
        if isinstance(predictions.others, dict):
            arrays = {**predictions.others, **arrays}
        with whole(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        return
    import pandas

    table = pandas.DataFrame(probs, columns=[f"p_{name}" for name in predictions.names])
    table["prediction"] = named[decided]
    if predictions.y is not None:
        table["label"] = np.array([*predictions.names, None], dtype=object)[predictions.y]
    if predictions.others is not None:
        others = pandas.DataFrame(predictions.others).reset_index(drop=True)
        table = pandas.concat([others[[c for c in others.columns if c not in table.columns]], table], axis=1)
    write_table(table, path, raw)
