"""Read a data set, or rows to predict: a file, a folder, or a built-in name. What was detected is said in the notes.

| path                                                     | kind                                                |
|----------------------------------------------------------|-----------------------------------------------------|
| csv, tsv, txt, data, or any text in rows                 | table or text; image where a column names pictures  |
| jsonl, json, arff, KEEL dat, xlsx                        | table or text; image where a column names pictures  |
| parquet, feather                                         | the same; image or embedding for columns that hold such |
| svmlight                                                 | table, or sparse features where there are many      |
| CoNLL columns; lists of tokens and tags in jsonl, parquet | token                                               |
| npz, npy, safetensors                                    | embedding                                           |
| folder                                                   | image (root/class/*.png), or a folder with train.* in it |
| "digits-lt", "digits-lt:100", "islands-lt", "names-lt"   | built in: images, a table, tokens; at that imbalance |

The format is told by the content first and by the ending second; text files may be packed by gzip, bzip2, xz or zip.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from longtail.data.asked import Asked, Rows
from longtail.data.built_in import built_in, is_built_in
from longtail.data.costing import costs_in, with_costs
from longtail.data.dataset import Dataset, encoder_for
from longtail.data.imbalance import choose_first, long_tailed_counts
from longtail.data.in_memory import dataset_of
from longtail.data.rows import read_rows, refuse_columns
from longtail.formats.how import IN_MEMORY, SPLITS, How, listed
from longtail.formats.places import title_of
from longtail.formats.reading import short, tell
from longtail.formats.target import classes_of
from longtail.kinds import Encoder, FeatureEncoder, kind_of
from longtail.kinds.memory import rows_like
from longtail.kinds.table.read import sheet_of
from longtail.labels import Labels


def load(
    path: Any,
    *,
    kind: str | None = None,
    text: str | int | None = None,
    label: str | int | None = None,
    features: Sequence[str | int] | None = None,
    group: Any = None,
    time: Any = None,
    weight: Any = None,
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
    cost_columns: Sequence[str] = (),
) -> Dataset:
    """Read a labelled data set, from a file or from what is in memory.

    Args:
        path: a file, a folder, or what is built in ("digits-lt:100": imbalance 100); or a ``pandas.DataFrame`` with
            a label column; or ``(X, y)``, where X is one of the forms of ``longtail.kinds.memory`` and y has one label
            a row. Options of files (drop, header, delimiter ...) are refused for what is in memory.
        kind: "image", "text", "table", "embedding" or "token"; None detects it.
        text: the column of a text data set, by name or number (from 0); of tokens, that of the tokens.
        label: the column (or array) of labels; None takes one called label, target, class, y or category,
            else the last.
        features: the columns to learn from; None takes all but the label.
        group: the column of groups, such as patients: it is no input, and no comparison has rows of one group on two
            sides. Of pictures in folders: "folder", or a regular expression that finds it in their names. Of tokens it
            is their sentence, unless it is said; "document" of CoNLL columns with -DOCSTART-. In memory
            also an array, one a row.
        time: the column (in memory also an array) of times: a comparison then tests later rows than it trains on.
        weight: the column (in memory also an array) of how much each row counts, in training and in scores.
        drop: columns to leave out.
        header: does the first row of a delimited file name the columns? None detects it.
        name: for display; None takes the file's.
        split: "train" (the default), "test" or "validation", of a folder that has them; or the column that says "train",
            "test" or "validation" for each row.
        imbalance: keep the first rows of each class, so that the counts fall exponentially by this factor
            from the largest class to the smallest: CIFAR-LT at 100 from a file that holds it at 10.
        encoding: of a text file; None takes UTF-8, or detects and says what else it is.
        delimiter: between the cells of a text file: comma, tab, semicolon, bar or space; None detects it.
        missing: further cells that mean "no value" in the inputs, such as "-999".
        skip_bad: leave rows and pictures out that cannot be read, and count them, instead of stopping at the first.
        sheet: of a spreadsheet file, by name or number (from 0); None takes the first that is not empty.
        images: the folder of the pictures that a table names in a column.
        cost_columns: columns that say what a decision costs in each row, as ``costs=`` names them. They stay inputs
            unless ``drop`` names them.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: what is there cannot be read as asked; names file, column, row and remedy.

    >>> data = load("digits-lt:50")
    >>> data.kind, data.labels.classes.imbalance
    ('image', 58.0)
    """
    how = How.of(
        drop=drop, header=header, encoding=encoding, delimiter=delimiter, missing=missing, skip_bad=skip_bad, sheet=sheet,
        images=images, split=split,
    )  # fmt: skip
    if not isinstance(path, str | Path):
        how.refuse_but(("split",), IN_MEMORY)
        if how.part is not None:
            raise ValueError(f"split={split!r} is no option for {IN_MEMORY}")
        beside = {"group": group, "time": time, "split": split, "weight": weight}
        data = dataset_of(path, kind, text, label, features, name or "data", beside, cost_columns)
        return data if imbalance is None else _cut(data, imbalance)
    found, costs = None if kind is None else kind_of(kind), tuple(cost_columns)
    asked = Asked(found, text, label, features, group, time, weight, cost_columns=costs)
    if is_built_in(path):
        how.refuse_but(("split",), f"{path}, which is built in")
        refuse_columns(path, asked, how)
        return _built_in(path, kind, split, imbalance)
    else:
        data = _labelled(read_rows(path, how, asked), name or title_of(Path(path)), label is not None)
    return data if imbalance is None else _cut(data, imbalance)


def _labelled(rows: Rows, title: str, named: bool) -> Dataset:
    """A data set of rows and the labels beside them; ``named``: the column of labels was named."""
    target, kind = rows.target, rows.kind
    assert target is not None
    assert kind is not None
    if isinstance(target, Labels):
        made = Dataset.of(title, kind.name, rows.raw, target, rows.notes)
        return with_costs(replace(made, beside=rows.beside), rows.costs)
    y, names, said = classes_of(target.values, f"{target.file}, {target.place}", target.names, named=named)
    notes = [*rows.notes, *(short(note, f"{target.file}, ") for note in said)]
    made = Dataset.of(title, kind.name, rows.raw, Labels.of(y, names), notes)
    return with_costs(replace(made, reading=rows.reading, beside=rows.beside), rows.costs)


def _built_in(path: str | Path, kind: str | None, split: str | None, imbalance: float | None) -> Dataset:
    data = built_in(path, imbalance)
    if kind not in (None, data.kind):
        raise ValueError(f"{path} is {data.kind} data; kind={kind!r} does not fit")
    if split not in (None, "train"):
        raise ValueError(f"split={split!r}: {path} has no parts; compare it by folds")
    return data


def _cut(data: Dataset, imbalance: float) -> Dataset:
    if data.beside.sequence is not None:
        raise ValueError(
            f"imbalance={imbalance:g} leaves rows out, and a token stands in its sentence: leave it away"
        )
    index = choose_first(data.labels, long_tailed_counts(data.labels, imbalance))
    note = f"cut to imbalance {imbalance:g}: the first rows of each class, {len(index)} of {len(data)}"
    cut = data.take(index)
    cut = Dataset.of(data.name, data.kind, cut.raw, cut.labels, (*data.notes, note))
    return replace(cut, reading=data.reading, beside=data.beside.take(index))


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
    cost_columns: Sequence[str] = (),
) -> Rows:
    """Read rows to predict, and what else stands beside them.

    Args:
        path: a file, a folder, or rows in one of the forms of ``longtail.kinds.memory``.
        like: the encoder of the model.
        classes: the names of the model's classes, by which labels in front of texts are known.
        text: the column of texts; None takes the only column, or detects it.
        header, split, encoding, delimiter, missing, skip_bad, sheet, images: as for ``longtail.data.load``; for rows in
            memory they are refused.
        reading: what the model remembers of how its data was read (``Dataset.reading``): its cells that mean "no value"
            mean it here too, in a file and in memory, unless ``missing`` says otherwise.
        cost_columns: as for ``longtail.data.load``.

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
    if how.part_column is not None:
        raise ValueError(f"split={split!r} must be one of {', '.join(SPLITS)}")
    kind, known = kind_of(like.kind), reading or {}
    remembered = tuple(map(str, listed(known.get("missing"))))
    if not isinstance(path, str | Path):
        how.refuse_but((), IN_MEMORY)
        raw, said = rows_like(path, like, text, remembered)
        frame = sheet_of(path).frame if hasattr(path, "columns") else None
        return Rows(raw, kind, frame, costs=costs_in(path, cost_columns), notes=said)
    if is_built_in(path):
        how.refuse_but((), f"{path}, which is built in")
        data = built_in(path)
        if data.kind != kind.name:
            raise ValueError(f"{path} is {data.kind} data; the model takes {kind.name}")
        raw, said = rows_like(data.raw, like, text)
        return Rows(raw, kind, notes=said)
    if how.images is not None and not kind.in_folders:
        raise ValueError(f"images={str(images)!r}: the model takes {kind.name}")
    if missing is None:
        how = replace(how, missing=remembered)
    asked = Asked(
        kind, text, like=like, classes=tuple(classes), first=known.get("first_feature"),
        cost_columns=tuple(cost_columns),
    )  # fmt: skip
    return read_rows(path, how, asked)
