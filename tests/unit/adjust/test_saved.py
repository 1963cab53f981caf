"""Predictions as people have them: by class name, in every shape of file, read and written back."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail import api
from longtail.adjust import Predictions, load, read_predictions
from longtail.tables import write_table

CSV = "p_3,p_5,p_6,label\n0.2,0.7,0.1,5\n0.5,0.4,0.1,3\n0.1,0.3,0.6,6\n"


def saved(folder: Path, text: str, name: str = "p.csv", encoding: str = "utf-8") -> Path:
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def probabilities(p: Predictions) -> list[list[float]]:
    return np.exp(p.logits).round(6).tolist()


def adjusted(folder: Path, text: str, counts: object, **how: object) -> pd.DataFrame:
    (folder / "c.json").write_text(json.dumps(counts))
    api.adjust(saved(folder, text), counts=folder / "c.json", out=folder / "out", **how)
    return pd.read_csv(folder / "out" / "predictions.csv", dtype=str, keep_default_na=False)


@pytest.mark.parametrize("order", [{"0": 10, "1": 90}, {"1": 90, "0": 10}, [10, 90]], ids=str)
def test_counts_in_another_order(tmp_path: Path, order: object) -> None:
    got = adjusted(tmp_path, "p_0,p_1,label\n0.6,0.4,0\n0.3,0.7,1\n", order)
    assert got.p_0.astype(float).round(4).tolist() == [0.931, 0.7941]  # .6/.1 / (.6/.1 + .4/.9) = .9310
    assert got.label.tolist() == ["0", "1"]


def test_classes_that_are_numbers(tmp_path: Path) -> None:
    got = adjusted(tmp_path, CSV, {"6": 22, "5": 90, "3": 8})
    assert got.label.tolist() == ["5", "3", "6"]
    assert got.prediction[1:].tolist() == ["3", "6"]
    text = "1,2,3,label\n0.8,0.1,0.1,1\n0.3,0.6,0.1,2\n"
    found = adjusted(tmp_path, text, {"1": 80, "2": 15, "3": 5}, kind="probabilities", prior="natural")
    assert found.label.tolist() == ["1", "2"]  # not 2 and 3
    assert found.prediction.tolist() == ["1", "2"]


@pytest.mark.parametrize(
    "labels, y",
    [
        (["01", "02", "01"], [0, 1, 0]),
        (["2", "1", "2"], None),  # 2 and 1 are neither the names 01, 02 nor all indices
        (["0", "1", "1"], [0, 1, 1]),
    ],
)
def test_codes_with_a_leading_zero_stay_what_they_are(tmp_path: Path, labels: list[str], y: object) -> None:
    path = saved(tmp_path, "p_01,p_02,label\n" + "".join(f"0.5,0.5,{v}\n" for v in labels))
    if y is None:
        with pytest.raises(
            ValueError, match=r"p\.csv: label row 0 is '2', which is no class of \['01', '02'\]"
        ):
            read_predictions(path)
    else:
        assert read_predictions(path).y.tolist() == y


@pytest.mark.parametrize("names, labels, y", [
    (["1", "2", "3"], [1, 2, 3], [0, 1, 2]),
    (["1", "2", "3"], [1.0, np.nan, 3.0], [0, -1, 2]),
    (["0", "1", "2"], [0, 2, 1], [0, 2, 1]),
    (["2", "1", "0"], [0, 2, 1], [2, 0, 1]),  # names win
    (["a", "b", "c"], [0, 2, 1], [0, 2, 1]),
    (["a", "b", "c"], ["c", None, "a"], [2, -1, 0]),
    (["False", "True", "x"], [True, False, True], [1, 0, 1]),
    (["1.0", "2.0", "3.0"], [1, 2, 3], [0, 1, 2]),
])  # fmt: skip
def test_labels_by_name_or_index(names: list[str], labels: list[object], y: list[int]) -> None:
    found = Predictions.of(np.full((3, 3), 1 / 3), "probabilities", np.array(labels), names)
    assert found.y.tolist() == y


@pytest.mark.parametrize("missing", ["", "NA", "NaN", "null", "?"])
def test_rows_without_a_label_are_adjusted_and_not_scored(tmp_path: Path, missing: str) -> None:
    text = f"p_a,p_b,label\n0.7,0.3,{missing}\n0.2,0.8,b\n0.6,0.4,a\n"
    found = read_predictions(saved(tmp_path, text))
    assert found.y.tolist() == [-1, 1, 0]
    assert found.notes == ("1 of 3 rows have no label: they are adjusted, and left out of the scores",)
    got = adjusted(tmp_path, text, {"a": 10, "b": 90})
    assert got.label.tolist() == ["", "b", "a"]
    assert float(got.p_a[0]) > 0.9
    labelled = text.replace(f"0.7,0.3,{missing}\n", "")
    whole = api.adjust(saved(tmp_path, labelled), counts={"a": 10, "b": 90})
    part = api.adjust(saved(tmp_path, text), counts={"a": 10, "b": 90})
    assert part.scores["balanced"]["after"]["nll"][0] == whole.scores["balanced"]["after"]["nll"][0]


def test_a_class_called_NA(tmp_path: Path) -> None:
    got = adjusted(tmp_path, "p_NA,p_US,label\n0.7,0.3,NA\n0.2,0.8,US\n0.6,0.4,\n", {"US": 90, "NA": 10})
    assert got.label.tolist() == ["NA", "US", ""]
    assert got.prediction.tolist() == ["NA", "NA", "NA"]  # .2 / .1 > .8 / .9


def test_no_row_has_a_label(tmp_path: Path) -> None:
    found = read_predictions(saved(tmp_path, "p_a,p_b,label\n0.7,0.3,\n0.2,0.8,\n"))
    assert found.y is None
    assert api.adjust(found, counts=[1, 1]).scores == {}


@pytest.mark.parametrize(
    "text, counts, names, p",
    [
        ("p_1,label\n0.4,0\n0.7,1\n", [10, 90], ("0", "1"), [0.6, 0.3]),
        ("p_0,label\n0.6,0\n0.3,1\n", [10, 90], ("0", "1"), [0.6, 0.3]),
        ("p_sick,label\n0.4,well\n0.7,sick\n", {"sick": 90, "well": 10}, ("well", "sick"), [0.6, 0.3]),
        ("p_sick,label\n0.4,well\n0.7,sick\n", None, ("well", "sick"), [0.6, 0.3]),
        ("logit_1,label\n0,0\n0,1\n", [10, 90], ("0", "1"), [0.5, 0.5]),
    ],
)
def test_one_column_for_two_classes(
    tmp_path: Path, text: str, counts: object, names: object, p: object
) -> None:
    known = tuple(counts) if isinstance(counts, dict) else None
    found = read_predictions(saved(tmp_path, text), known=known)
    assert found.names == names
    np.testing.assert_allclose(
        np.exp(found.logits - np.logaddexp.reduce(found.logits, 1, keepdims=True))[:, 0], p
    )
    assert "one column for two classes" in found.notes[0]
    assert found.y.tolist() == [0, 1]


def test_one_column_whose_other_class_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"the other is 1 - p, but its name is not known; .*classes='OTHER,sick'"
    ):
        read_predictions(saved(tmp_path, "p_sick\n0.4\n"))
    found = read_predictions(saved(tmp_path, "p_sick\n0.4\n"), names=["sick", "well"])
    assert found.names == ("sick", "well")
    assert probabilities(found) == [[0.4, 0.6]]


def frame() -> pd.DataFrame:
    return pd.read_csv(io.StringIO(CSV)).assign(id=["x1", "x2", "x3"])[["id", "p_3", "p_5", "p_6", "label"]]


SHAPES = {
    "p.CSV": lambda t, f: t.to_csv(f, index=False),
    "P.Tsv": lambda t, f: t.to_csv(f, index=False, sep="\t"),
    "semicolon.csv": lambda t, f: t.to_csv(f, index=False, sep=";"),
    "decimal-comma.csv": lambda t, f: t.to_csv(f, index=False, sep=";", decimal=","),
    "bom.csv": lambda t, f: t.to_csv(f, index=False, encoding="utf-8-sig"),
    "crlf.csv": lambda t, f: t.to_csv(f, index=False, lineterminator="\r\n"),
    "quoted.csv": lambda t, f: t.to_csv(f, index=False, quoting=1),
    "p.csv.gz": lambda t, f: t.to_csv(f, index=False, compression="gzip"),
    "p.tsv.bz2": lambda t, f: t.to_csv(f, index=False, sep="\t", compression="bz2"),
    "p.CSV.xz": lambda t, f: t.to_csv(f, index=False, compression="xz"),
    "p.jsonl": lambda t, f: t.to_json(f, orient="records", lines=True),
    "p.JSONL.gz": lambda t, f: t.to_json(f, orient="records", lines=True, compression="gzip"),
    "p.parquet": lambda t, f: t.to_parquet(f),
    "p.PARQUET": lambda t, f: t.to_parquet(f),
    "p.feather": lambda t, f: t.to_feather(f),
    "p.xlsx": lambda t, f: t.to_excel(f, index=False),
    "p.ndjson": lambda t, f: t.to_json(f, orient="records", lines=True),
    "labels.npz": lambda t, f: np.savez(
        f, probs=t[["p_3", "p_5", "p_6"]], labels=t.label, classes=["3", "5", "6"], id=t.id.to_numpy(dtype=str)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_of_files_are_read_and_written_back_with_their_ids(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        if name.endswith("npz"):
            SHAPES[name](frame(), file)
    if not name.endswith("npz"):
        SHAPES[name](frame(), tmp_path / name)
    found = read_predictions(tmp_path / name)
    assert found.names == ("3", "5", "6")
    assert found.y.tolist() == [1, 0, 2]
    np.testing.assert_allclose(np.exp(found.logits), frame()[["p_3", "p_5", "p_6"]])
    api.adjust(tmp_path / name, counts={"6": 22, "5": 90, "3": 8}, prior="natural", out=tmp_path / "out")
    (written,) = (tmp_path / "out").glob("predictions*")
    assert "".join(written.suffixes) == "".join(Path(name).suffixes).lower()
    again = read_predictions(written)
    assert again.y.tolist() == [1, 0, 2]
    np.testing.assert_allclose(np.exp(again.logits), np.exp(found.logits), rtol=1e-12)
    ids = again.others["id"]
    assert list(ids) == ["x1", "x2", "x3"]


def test_a_txt_file_is_read_as_csv_and_written_as_csv(tmp_path: Path) -> None:
    """Nothing is refused after the work."""
    api.adjust(saved(tmp_path, CSV, "p.txt"), counts={"6": 22, "5": 90, "3": 8}, out=tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "predictions.csv").label.tolist() == [5, 3, 6]


def test_other_columns_stay_as_they_are_written(tmp_path: Path) -> None:
    text = ",id,p_a,p_b,prediction,label\n0,007,0.5,0.5,a,b\n1,1e5,0.25,0.75,b,a\n"
    got = adjusted(tmp_path, text, {"a": 1, "b": 1})
    assert list(got.columns)[:2] == ["Unnamed: 0", "id"]  # as pandas reads a name that is empty
    assert got.id.tolist() == ["007", "1e5"]
    assert list(got.columns)[2:] == ["p_a", "p_b", "prediction", "label"]


def test_columns_of_a_name_that_is_written_are_kept_under_another(tmp_path: Path) -> None:
    """``label`` here is a column of the user's own: the labels are in ``y``."""
    got = adjusted(tmp_path, "label,p_a,p_b,y\nx7,0.5,0.5,b\nx8,0.25,0.75,a\n", {"a": 1, "b": 1}, label="y")
    assert got["label (input)"].tolist() == ["x7", "x8"]
    assert got.label.tolist() == ["b", "a"]


def test_it_reads_what_predict_writes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = np.where(np.arange(120) % 10 == 0, "NA", "US")
    table = pd.DataFrame({"a": rng.normal(size=120) + 2 * (y == "NA"), "label": y})
    table.to_csv(tmp_path / "t.csv", index=False)
    api.train(tmp_path / "t.csv", recipe="logistic", out=tmp_path / "m")
    said = api.predict(tmp_path / "m", tmp_path / "t.csv", out=tmp_path / "said.csv")
    found = api.adjust(tmp_path / "said.csv", counts={"US": 108, "NA": 12}, out=tmp_path / "out")
    assert found.predictions.names == ("NA", "US")
    balanced = api.predict(tmp_path / "m", tmp_path / "t.csv", prior="balanced")
    np.testing.assert_allclose(
        np.exp(found.predictions.logits)[:, 0] / np.exp(found.predictions.logits).sum(1),
        balanced.p_NA,
        rtol=1e-4,
    )
    assert len(said) == 120
    assert "most_probable" not in pd.read_csv(tmp_path / "out" / "predictions.csv").columns  # of before


def in_memory() -> dict[str, pd.DataFrame]:
    t = frame()
    return {
        "as in a file": t,
        "another index": t.set_index(pd.Index([7, 3, 5])),
        "labels that are numbers": t.astype({"label": float}),
        "labels that are categories": t.astype({"label": "category"}),
        "words": t.astype(str),
        "float32": t.astype(dict.fromkeys(("p_3", "p_5", "p_6"), "float32")),
        "named by class": t.rename(columns={"p_3": 3, "p_5": 5, "p_6": 6}),
    }


@pytest.mark.parametrize("case", in_memory())
def test_a_data_frame_is_read_as_a_file_of_it(tmp_path: Path, case: str) -> None:
    counts, given = {"6": 22, "5": 90, "3": 8}, in_memory()[case]
    kind = "probabilities" if case == "named by class" else None
    want = api.adjust(saved(tmp_path, CSV), counts=counts)
    found = api.adjust(given, counts=counts, held=given, kind=kind, out=tmp_path / "out")
    assert found.source == "fitted on held-out predictions"
    found = api.adjust(given, counts=counts, kind=kind, out=tmp_path / "out")
    np.testing.assert_allclose(found.predictions.logits, want.predictions.logits, atol=1e-6)
    assert found.predictions.names == ("3", "5", "6")
    assert found.predictions.y.tolist() == [1, 0, 2]
    written = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert written.id.tolist() == ["x1", "x2", "x3"]
    assert list(given.columns) == list(in_memory()[case].columns)  # what was handed in is as it was


def test_a_data_frame_that_is_none_of_predictions_is_refused_by_the_name_of_the_argument() -> None:
    counts = {"6": 22, "5": 90, "3": 8}
    with pytest.raises(ValueError, match=r"^held: there is no row in it"):
        api.adjust(frame(), counts=counts, held=frame()[:0])
    with pytest.raises(ValueError, match=r"^predictions: there is no column 'y' for label="):
        api.adjust(frame(), counts=counts, label="y")
    with pytest.raises(ValueError, match=r"^predictions: row 1, column 'p_5' holds 'half'"):
        api.adjust(frame().assign(p_5=[0.7, "half", 0.3]), counts=counts)
    with pytest.raises(
        TypeError, match=r"^predictions is a ndarray; give a file, a data frame .*Predictions.of"
    ):
        api.adjust(np.ones((3, 3)) / 3, counts=counts)


def test_what_predict_gives_is_taken_as_it_is(tmp_path: Path) -> None:
    y = np.where(np.arange(120) % 10 == 0, "NA", "US")
    table = pd.DataFrame({"a": np.arange(120) % 7 + 9.0 * (y == "NA"), "label": y})
    model = api.train(table, recipe="logistic")
    said = api.predict(model, table, out=tmp_path / "said.csv")
    counts = {"US": 108, "NA": 12}
    here, there = api.adjust(said, counts=counts), api.adjust(tmp_path / "said.csv", counts=counts)
    np.testing.assert_allclose(here.predictions.logits, there.predictions.logits, atol=1e-6)
    assert here.predictions.y.tolist() == there.predictions.y.tolist()


def test_the_adjuster_knows_its_classes(tmp_path: Path) -> None:
    adjusted(tmp_path, CSV, {"3": 8, "5": 90, "6": 22})
    assert load(tmp_path / "out" / "adjuster.json").classes == ("3", "5", "6")


def test_numbered_columns_and_counts_by_name_need_the_order(tmp_path: Path) -> None:
    path = saved(tmp_path, "p_0,p_1,label\n0.6,0.4,cat\n0.3,0.7,dog\n")
    with pytest.raises(ValueError, match="label row 0 is 'cat'"):
        api.adjust(path, counts={"dog": 90, "cat": 10})
    found = api.adjust(path, counts={"dog": 90, "cat": 10}, classes=["cat", "dog"])
    assert found.predictions.y.tolist() == [0, 1]
    assert found.assumed.tolist() == [0.1, 0.9]


def balanced_model(n: int = 4000) -> tuple[Predictions, dict[str, int]]:
    """A model trained on balanced classes, on data where b is rare."""
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.1).astype(int)
    z = 1.5 * (rng.normal(size=n) + 1.5 * y - 0.75)
    return Predictions.of(np.stack([0 * z, z], 1), "logits", y, ["a", "b"]), {"b": 100, "a": 900}


def test_an_adjustment_that_makes_things_worse_is_said_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from longtail.report.listings import show_adjusted

    p, counts = balanced_model()
    wrong = api.adjust(p, counts=counts)
    assert wrong.worse is not None
    assert "makes these predictions worse: accuracy under the balanced prior" in wrong.worse
    assert "--from-prior balanced" in wrong.worse
    assert "--held" in wrong.worse
    show_adjusted(wrong)
    assert capsys.readouterr().out.startswith("The adjustment makes these predictions worse")
    wrong.write(tmp_path)
    assert json.loads((tmp_path / "scores.json").read_text())["worse"] == wrong.worse
    right = api.adjust(p, counts=counts, prior="natural", from_prior="balanced")
    assert right.worse is None
    assert "leave --from-prior out" in str(
        api.adjust(p, counts=counts, from_prior={"b": 0.02, "a": 0.98}).worse
    )


def test_labels_of_batches_are_indices_whatever_the_names() -> None:
    import torch
    from torch import nn

    from longtail.adjust import predictions_of

    model, x = nn.Linear(2, 3), torch.randn(4, 2)
    batches = [(x, torch.tensor([1, 2, 2, 1]))]
    assert predictions_of(model, batches, names=["1", "2", "3"]).y.tolist() == [1, 2, 2, 1]


BAD = {
    "an empty file": ("p.csv", b"", "first line is empty"),
    "a header alone": ("p.csv", b"p_a,p_b\n", "there is no row"),
    "no UTF-8": ("p.csv", "p_a,p_b,label\n0.5,0.5,\xe9\n".encode("latin-1"), "not UTF-8"),
    "a word": (
        "p.csv",
        b"p_a,p_b\n0.5,0.5\n0.5,half\n",
        "row 1, column 'p_b' holds 'half', which is no number",
    ),
    "a column twice": ("p.csv", b"p_a,p_a\n0.5,0.5\n", "two columns 'p_a'"),
    "more cells": ("p.csv", b"p_a,p_b\n0.5,0.5\n0.1,0.2,0.3,0.4\n", "is damaged"),
    "a cut gz": ("p.csv.gz", gzip.compress(CSV.encode() * 90)[:40], "is damaged"),
    "no gz": ("p.csv.gz", CSV.encode(), "is damaged"),
    "a cut npz": ("p.npz", b"PK\x03\x04" + b"0" * 40, "is damaged"),
    "an empty npz": ("p.npz", b"", "is damaged"),
    "no parquet": ("p.parquet", b"PAR1", "is damaged"),
    "jsonl cut": ("p.jsonl", b'{"p_a": 0.5, "p_b": 0.5}\n{"p_a"', "is damaged"),
    "jsonl of lists": ("p.jsonl", b"[0.5, 0.5]\n", "each line must be an object"),
    "jsonl with lists": (
        "p.jsonl",
        b'{"p_a": [0.5], "p_b": 0.5}\n',
        "column 'p_a' holds \\[0.5\\], which is no number",
    ),
    "no xlsx": ("p.xlsx", b"x", "is damaged"),
    "no feather": ("p.feather", b"ARROW1", "is damaged"),
    "another ending": ("p.doc", b"x", r"read from \.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_one_line_with_the_file(tmp_path: Path, case: str) -> None:
    name, raw, message = BAD[case]
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ValueError, match=message) as why:
        read_predictions(tmp_path / name)
    assert str(tmp_path / name) in str(why.value)
    assert "\n" not in str(why.value)


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "must be JSON"),
        ("{", "must be JSON"),
        ("3", "must be a list or an object"),
        ("[1, Infinity]", "holds inf, which is no number"),
        ("[1, NaN]", "holds nan"),
        ('[1, "2"]', "holds '2'"),
        ('{"0": 1, "0": 2, "1": 3}', "'0' is given twice"),
        ('{"0": 1, "2": 3}', "counts has a number for '2', which is no class"),
        ("[1, 2, 3]", "counts must be 2 numbers"),
        ("[0, 0]", "counts must be 2 numbers"),
        ("[1e300, 1]", "no whole number"),
        ("[" * 100_000, "must be JSON"),
    ],
)
def test_counts_that_are_none(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        api.adjust(saved(tmp_path, "p_0,p_1\n0.5,0.5\n"), counts=tmp_path / "c.json")


def test_cells_that_a_spreadsheet_would_run(tmp_path: Path) -> None:
    text = 'id,p_=cmd,p_-5,label\n"=HYPERLINK(""x"")",0.5,0.5,=cmd\n+1,0.5,0.5,-5\n@a,0.1,0.9,-5\n'
    got = adjusted(tmp_path, text, {"-5": 1, "=cmd": 1})
    assert got.id.tolist() == ['\'=HYPERLINK("x")', "+1", "'@a"]
    assert got.label.tolist() == ["'=cmd", "-5", "-5"]
    assert set(got.prediction) <= {"'=cmd", "-5"}
    again = read_predictions(tmp_path / "out" / "predictions.csv")
    assert again.names == ("=cmd", "-5")
    assert again.y.tolist() == [0, 1, 1]
    raw = adjusted(tmp_path, text, {"-5": 1, "=cmd": 1}, raw=True)
    assert raw.id.tolist() == ['=HYPERLINK("x")', "+1", "@a"]


def test_an_npz_whose_names_are_numbers_comes_back(tmp_path: Path) -> None:
    """Indices beside the names 3, 5 .. could be either (found by tests/fuzz)."""
    p = Predictions.of(np.full((5, 5), 0.2), "probabilities", [0, 1, 2, 3, 4], ["5", "6", "7", "8", "9"])
    p = Predictions(p.logits, p.y, ("3", "5", "6", "7", "9"))
    api.adjust(p, counts=[1, 2, 3, 4, 5]).write(tmp_path, ".npz")
    again = read_predictions(tmp_path / "predictions.npz")
    assert again.names == p.names
    assert again.y.tolist() == [0, 1, 2, 3, 4]


TABLES = [
    "o.csv",
    "o.TSV",
    "o.jsonl",
    "o.csv.gz",
    "o.csv.xz",
    "o.parquet",
    "o.feather",
    "o.xlsx",
    "deep/er/o.csv",
]


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_written_by_their_ending(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"prediction": ["a", "b"], "p_a": [0.1 + 0.2, 1e-9], "n": [1, 2]})
    write_table(table, tmp_path / name)
    readers = {"c": pd.read_csv, "T": lambda f: pd.read_csv(f, sep="\t"), "p": pd.read_parquet}
    readers |= {"j": lambda f: pd.read_json(f, lines=True, precise_float=True), "f": pd.read_feather}
    again = readers.get(Path(name).name[2], pd.read_excel)(tmp_path / name)
    pd.testing.assert_frame_equal(again, table, check_dtype=False, rtol=1e-12)


@pytest.mark.parametrize("name", ["o.doc", "o", "o.parquet.gz", "o.json"])
def test_a_table_of_another_ending_is_refused_before_the_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"must end in one of"):
        api.predict(tmp_path / "no model here", tmp_path / "nor data", out=tmp_path / name)
    assert not list(tmp_path.iterdir())
