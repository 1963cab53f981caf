"""Every format that people bring is read as what it is; what is not read says how to convert it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from sklearn.datasets import dump_svmlight_file

from longtail.data import SparseEncoder, TableEncoder, load, load_inputs
from longtail.formats.known import FOREIGN, format_of
from longtail.inputs import SparseRows

FRAME = pd.DataFrame(
    {"size": np.arange(12) / 4, "colour": ["red", "blue", "red"] * 4, "kind": list("aab") * 4}
)


def packed(put) -> bytes:
    out = io.BytesIO()
    put(out)
    return out.getvalue()


def said(data, words: str) -> bool:
    return any(words in note for note in data.notes)


def same(data) -> None:
    """The data set is FRAME, whatever it was read from."""
    assert data.raw["size"].tolist() == FRAME["size"].tolist()
    assert data.raw["colour"].tolist() == FRAME["colour"].tolist()
    assert data.labels.names == ("a", "b")
    assert data.labels.y.tolist() == [0, 0, 1] * 4


# ARFF and KEEL

ARFF = """% a comment
@RELATION toy
@attribute 'the size' NUMERIC
@attribute colour {red, 'dark blue', "it's"}
@ATTRIBUTE remark string
@attribute class {p,n}

@DATA
1.5, red, 'one, two', p
?, 'dark blue', "she said \\"no\\"", n
% between
3, "it's", plain, p
"""


def test_arff_as_weka_writes_it(write) -> None:
    data = load(write("t.arff", ARFF))
    assert list(data.raw.columns) == ["the size", "colour", "remark"]
    assert data.raw["the size"].isna().tolist() == [False, True, False]
    assert data.raw["colour"].tolist() == ["red", "dark blue", "it's"]
    assert data.raw["remark"].tolist() == ["one, two", 'she said "no"', "plain"]
    assert data.labels.names == ("n", "p")


def test_sparse_arff_means_zero_or_the_first_value(write) -> None:
    head = "@relation s\n@attribute a numeric\n@attribute b {x,y}\n@attribute c numeric\n@attribute label {n,p}\n@data\n"
    data = load(write("t.arff", head + "{0 1.5, 3 p}\n{}\n{1 y,2 4}\n{3 p}\n"))
    assert data.raw["a"].tolist() == [1.5, 0, 0, 0]
    assert data.raw["b"].tolist() == ["x", "x", "y", "x"]
    assert data.raw["c"].tolist() == [0, 0, 4, 0]
    assert data.labels.y.tolist() == [1, 0, 0, 1]


def test_keel_with_its_output_in_the_middle(write) -> None:
    text = (
        "@relation ecoli\n@attribute Mcg real [0.0, 0.89]\n@attribute Site{positive, negative}\n"
        "@attribute Gvh real [0.16, 1.0]\n@inputs Mcg, Gvh\n@outputs Site\n@data\n"
        + "0.49, negative, 0.29\n0.07, positive, <null>\n"
        * 4
    )
    data = load(write("ecoli.dat", text))
    assert data.labels.names == ("negative", "positive")
    assert list(data.raw.columns) == ["Mcg", "Gvh"]
    assert data.raw["Gvh"].isna().sum() == 4


def test_arff_that_cannot_be_read_names_the_line(write) -> None:
    head = "@relation s\n@attribute a numeric\n@attribute label {n,p}\n@data\n"
    with pytest.raises(ValueError, match=r"line 6: 3 cells for 2 attributes"):
        load(write("t.arff", head + "1,n\n1,2,p\n3,p\n"))
    data = load(write("t.arff", head + "1,n\n1,2,p\n3,p\n"), skip_bad=True)
    assert data.raw["a"].tolist() == [1, 3]
    assert said(data, "1 rows of another number of cells are left out (first: line 6)")
    with pytest.raises(ValueError, match="no @data"):
        load(write("u.arff", "@relation s\n@attribute a numeric\n"))
    with pytest.raises(ValueError, match="a sparse row is like"):
        load(write("v.arff", head + "{7 1}\n"))


def test_several_labels_in_an_arff_are_said(write) -> None:
    head = "@relation m\n@attribute a numeric\n" + "".join(f"@attribute l{i} {{0,1}}\n" for i in range(3))
    data = load(write("m.arff", head + "@data\n" + "1,0,1,0\n2,1,0,1\n" * 3))
    assert said(data, "several labels per row")
    assert list(
        load(write("m.arff", head + "@data\n" + "1,0,1,0\n2,1,0,1\n" * 3), drop=["l0", "l1"]).raw
    ) == ["a"]


# Spreadsheets and columnar files


def test_xlsx(tmp_path) -> None:
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        pd.DataFrame().to_excel(book, sheet_name="cover", index=False)
        FRAME.to_excel(book, sheet_name="data", index=False, startrow=2)
        FRAME.iloc[:6].to_excel(book, sheet_name="half", index=False)
    data = load(tmp_path / "t.xlsx")
    same(data)
    assert said(data, "sheet 'data' is read; not read: half")
    assert len(load(tmp_path / "t.xlsx", sheet="half")) == 6
    assert len(load(tmp_path / "t.xlsx", sheet=2)) == 6
    with pytest.raises(ValueError, match="no sheet='other'; there are 'cover', 'data', 'half'"):
        load(tmp_path / "t.xlsx", sheet="other")
    (tmp_path / "t.csv").write_bytes((tmp_path / "t.xlsx").read_bytes())  # by its content, not its ending
    same(load(tmp_path / "t.csv"))


def test_xlsx_without_openpyxl_says_what_to_install(write, monkeypatch) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(
        ImportError, match=r"install openpyxl \(pip install 'longtail\[excel\]'\), or save .* csv"
    ):
        load(write("t.xlsx", packed.getvalue()))


def test_feather_and_parquet_by_content(tmp_path) -> None:
    FRAME.to_feather(tmp_path / "t.feather")
    same(load(tmp_path / "t.feather"))
    FRAME.to_parquet(tmp_path / "t.bin")
    same(load(tmp_path / "t.bin"))
    (tmp_path / "t.parquet.gz").write_bytes(gzip.compress((tmp_path / "t.bin").read_bytes()))
    same(load(tmp_path / "t.parquet.gz"))


def test_columns_of_objects_are_left_out_and_said(tmp_path) -> None:
    frame = FRAME.assign(box=[{"x": 1}] * 12, boxes=[[{"x": 1}]] * 12)
    for form in ("parquet", "feather"):
        getattr(frame, f"to_{form}")(tmp_path / f"t.{form}")
        data = load(tmp_path / f"t.{form}", label="kind")
        same(data)
        assert said(data, "column 'box' holds objects: left out")
        assert said(data, "column 'boxes' holds objects")


@pytest.mark.parametrize("cut", [4, 40, 400, -1, -9])
@pytest.mark.parametrize(
    "name", ["t.parquet", "t.feather", "t.csv.gz", "t.csv.bz2", "t.csv.xz", "t.csv.zip", "t.npz"]
)
def test_a_damaged_file_is_one_error_that_names_it(tmp_path, name, cut) -> None:
    path = tmp_path / name
    if name.endswith(("parquet", "feather")):
        getattr(FRAME, f"to_{path.suffix[1:]}")(path)
    elif name == "t.npz":
        np.savez(path, x=np.ones((12, 2)), y=np.arange(12) % 2)
    else:
        FRAME.to_csv(path, index=False)
    whole = path.read_bytes()
    if cut >= len(whole):
        pytest.skip("the file is shorter")
    path.write_bytes(whole[:cut])
    with pytest.raises(ValueError, match=path.name):
        load(path)


@pytest.mark.parametrize("pack", ["gz", "bz2", "xz", "zip"])
def test_packed_text_whatever_it_is_called(write, pack) -> None:
    plain = FRAME.to_csv(index=False).encode()
    if pack == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("folder/t.csv", plain)
        packed = out.getvalue()
    else:
        packed = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[pack](plain)
    for name in (f"Train.CSV.{pack.upper()}", "t.csv"):
        same(load(write(name, packed)))


def test_a_zip_of_several_files_is_refused(write) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", "a")
        archive.writestr("b.csv", "b")
    with pytest.raises(ValueError, match="a zip archive of 2 files: unpack it"):
        load(write("t.zip", out.getvalue()))


# Text formats


def test_cells_between_spaces_as_uci_has_them(write) -> None:
    text = "AAT_ECOLI  0.49  0.29  cp\n" * 9 + "ACEA_ECOLI  0.07   0.40   im\n"
    data = load(write("ecoli.data", text), drop=0)
    assert data.raw["f1"].tolist() == [0.49] * 9 + [0.07]
    assert data.labels.counts.tolist() == [9, 1]
    assert said(data, "separated by spaces")


@pytest.mark.parametrize("name", ["a.trn", "a.tst", "a.names2", "noending"])
def test_any_ending_by_its_content(write, name) -> None:
    same(load(write(name, FRAME.to_csv(index=False))))
    same(load(write(name, FRAME.to_json(orient="records"))))
    same(load(write(name, FRAME.to_json(orient="records", lines=True))))


def test_a_label_before_each_text(write) -> None:
    rows = [
        ("NUM:dist", "How far is it , from a to b ?"),
        ("HUM:desc", "Who was he ?"),
        ("NUM:dist", "How tall ?"),
    ] * 9
    data = load(write("train.label", "".join(f"{label} {text}\n" for label, text in rows)))
    assert (data.kind, data.labels.names) == ("text", ("HUM:desc", "NUM:dist"))
    assert data.raw[0] == "How far is it , from a to b ?"
    assert said(data, "each line is a label and a text")
    fast = load(write("f.txt", "__label__a one text\n__label__b another one here\n"))
    assert (fast.labels.names, fast.raw) == (("a", "b"), ["one text", "another one here"])


def test_svmlight(tmp_path, write) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 6)) * (rng.random((20, 6)) < 0.5), np.arange(20) % 4 == 0
    x[:, 5] = 1.0
    with (tmp_path / "t.svm").open("wb") as file:
        dump_svmlight_file(x, np.where(y, 1, -1), file, zero_based=False)
    data = load(tmp_path / "t.svm")
    assert (data.kind, list(data.raw.columns)) == ("table", [f"f{i}" for i in range(1, 7)])
    np.testing.assert_allclose(data.raw.to_numpy(), x, rtol=1e-6)
    assert data.labels.names == ("-1", "1")
    new = load_inputs(write("new.txt", "1 2:0.5\n-1 1:1 # note\n"), TableEncoder.fit(data.raw))
    assert new["f2"].tolist() == [0.5, 0]
    assert new["f5"].tolist() == [0, 0]
    with pytest.raises(ValueError, match="svmlight"):
        load(write("bad.svm", "1 2:0.5\n1 a:b\n"))


def test_svmlight_features_keep_their_numbers(tmp_path, write) -> None:
    """A file of which no row begins with feature 0 was read as if the first were 1: each feature was its neighbour's."""
    row = " ".join(f"{k}:1" for k in range(0, 1500, 3))
    data = load(write("t.svm", f"1 {row}\n-1 1:1 1499:1\n" * 4))
    assert isinstance(data.raw, SparseRows)
    assert data.reading == {"first_feature": 0}
    new = load_inputs(write("new.svm", "1 5:1\n"), SparseEncoder.fit(data.raw), reading=data.reading)
    assert new.indices.tolist() == [5]
    ones = load(write("u.svm", "1 1:0.5 3:2\n-1 2:1\n" * 8))
    assert ones.reading == {"first_feature": 1}
    with pytest.raises(
        ValueError, match=r"new\.svm: a feature is numbered 0; in training the numbers began with 1"
    ):
        load_inputs(write("new.svm", "1 0:1 2:1\n"), TableEncoder.fit(ones.raw), reading=ones.reading)
    said = []
    raw = load_inputs(write("new.svm", "1 2:1 7:1\n"), TableEncoder.fit(ones.raw), say=said.append)
    assert raw.iloc[0].tolist() == [0.0, 1.0, 0.0]
    assert any("not used: feature f7, which training did not have" in note for note in said)


def test_svmlight_for_a_model_of_other_columns_is_refused(write) -> None:
    """All its columns were 0 (found by tests/fuzz: with a date among them it ended in a TypeError)."""
    encoder = TableEncoder.fit(FRAME[["size", "colour"]])
    with pytest.raises(
        ValueError, match=r"new\.svm: features by number \(svmlight\); .* columns such as 'size'"
    ):
        load_inputs(write("new.svm", "1 2:1 7:1\n"), encoder)


def test_wide_svmlight_stays_sparse(write) -> None:
    path = write("t.svm", "1 5:1 90000:2\n-1 7:1\n1 5:3\n")
    data = load(path)
    assert isinstance(data.raw, SparseRows)
    assert data.raw.shape == (3, 90_000)
    encoder = SparseEncoder.fit(data.raw)
    new = load_inputs(write("new.svm", "0 5:1\n"), encoder)
    assert new.shape == (1, 90_000)
    assert torch.equal(new.dense()[0].nonzero().flatten(), torch.tensor([4]))


# JSON


@pytest.mark.parametrize(
    "orient", ["records", "columns", "split", "index", "list", "values", "table", "wrapped"]
)
def test_json_of_every_form(write, orient) -> None:
    if orient == "list":
        text = json.dumps(FRAME.to_dict("list"))
    elif orient == "wrapped":
        text = json.dumps({"source": "a lab", "items": FRAME.to_dict("records")}, indent=1)
    else:
        text = FRAME.to_json(orient=orient)
    data = load(write("t.json", text))
    if orient == "values":
        assert list(data.raw.columns) == ["f0", "f1"]
        assert data.labels.names == ("a", "b")
    else:
        same(data)


@pytest.mark.parametrize(
    "value, words",
    [
        ({"images": [], "annotations": [], "categories": []}, "a COCO file: boxes on pictures"),
        ({"shapes": [], "imagePath": "a.png"}, "a labelme file"),
        (
            {"name": "x", "version": 2, "deep": {"a": [1]}},
            "JSON, but no table: 'name', 'version', 'deep' at the top",
        ),
        ([{}, {}], "2 rows without a single key"),
        ([], "no rows"),
        ({}, "without a single key"),
        ([[1, 2], [1]], "rows of 1 to 2 cells"),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_json_that_is_no_table_says_what_it_is(write, value, words, indent) -> None:
    with pytest.raises(ValueError, match=words) as error:
        load(write("t.json", json.dumps(value, indent=indent)))
    assert "mend or remove the line" not in str(error.value)


def test_json_lines_that_are_damaged_can_be_left_out(write) -> None:
    text = '{"a": 1, "label": "x"}\n{"a": 2,\n[1]\n{"a": 3, "label": "y"}\n'
    with pytest.raises(ValueError, match="line 2: not JSON"):
        load(write("t.jsonl", text))
    data = load(write("t.jsonl", text), skip_bad=True)
    assert data.raw["a"].tolist() == [1, 3]
    assert said(data, "2 rows that are no JSON objects are left out (first: line 2)")
    with pytest.raises(ValueError, match=r"nested too deep|not JSON"):
        load(write("deep.json", "[" * 100_000))


# What is not read


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("t.pkl", pickle.dumps(Bomb()), "a Python pickle, which is never opened"),
        ("t.csv", pickle.dumps(Bomb()), "a Python pickle, which is never opened"),
        ("t.h5", b"\x89HDF\r\n\x1a\n", "pandas.read_hdf"),
        ("t.bin", b"SQLite format 3\0", "pandas.read_sql"),
        ("t.mat", b"MATLAB 5.0 MAT-file", "scipy.io.loadmat"),
        ("t.xls", b"\xd0\xcf\x11\xe0", "save it as xlsx or csv"),
        ("t.dta", b"<stata_dta>", "pandas.read_stata"),
        ("t.htm", b"<!DOCTYPE html><table>", "pandas.read_html"),
        ("data.csv", b"<!doctype html><p>Sign in", "a web page"),
        ("data.yaml", b"train: images\nnames: [a, b]\n", "YOLO"),
        ("t.qqq", bytes(range(256)) * 4 + b"\0" * 400, "a format that is not known; read are csv"),
        ("t.parquet", b"x", "not a readable parquet"),
        ("t.feather", b"x", "not a readable feather"),
    ],
)  # fmt: skip
def test_what_is_not_read_says_how_to_convert_it(write, name, content, words) -> None:
    path = write(name, content)
    with pytest.raises(ValueError, match=words) as error:
        load(path)
    assert str(path) in str(error.value)


def test_every_foreign_format_has_a_way_out(write) -> None:
    for suffix in FOREIGN:
        with pytest.raises(ValueError, match=r"it is not read\. To convert: "):
            format_of(write(f"t{suffix}", b"some text\n"))


# Options that a format has no use for

UNUSED = [
    ("t.csv", FRAME.to_csv(index=False).encode(), {"sheet": "2"}),
    ("t.jsonl", FRAME.to_json(orient="records", lines=True).encode(), {"delimiter": ";"}),
    ("t.arff", ARFF.encode(), {"header": False}),
    ("t.parquet", packed(FRAME.to_parquet), {"encoding": "latin-1"}),
    ("t.npz", packed(lambda out: np.savez(out, x=np.ones((9, 3)), y=np.arange(9) % 2)), {"missing": "1"}),
    ("t.npz", packed(lambda out: np.savez(out, x=np.ones((9, 3)), y=np.arange(9) % 2)), {"drop": 0}),
    ("t.svm", b"1 1:0.5 3:2\n-1 2:1\n" * 8, {"missing": "0.5"}),
    ("t.svm", b"1 1:0.5 3:2\n-1 2:1\n" * 8, {"label": "y"}),
    ("t.csv", FRAME.to_csv(index=False).encode(), {"images": "pictures", "kind": "table"}),
]


@pytest.mark.parametrize(
    "name, content, how", UNUSED, ids=lambda v: str(v) if isinstance(v, dict | str) else ""
)
def test_an_option_without_a_meaning_is_refused(write, name, content, how) -> None:
    """It was left out in silence: -999 stayed a number in an npz, whatever --missing said."""
    path = write(name, content)
    with pytest.raises(ValueError, match=f"{next(iter(how))}=") as why:
        load(path, **how)
    assert str(path) in str(why.value)
    load(path, skip_bad=True)  # all may have rows that are bad


def test_options_for_a_folder_and_for_what_is_built_in(tmp_path) -> None:
    for name in ("a/0.png", "b/0.png"):
        (tmp_path / name).parent.mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    for how in ({"missing": "-1"}, {"label": "y"}, {"features": ["a"]}, {"encoding": "utf-8"}):
        with pytest.raises(ValueError, match=f"{next(iter(how))}="):
            load(tmp_path, **how)
        with pytest.raises(ValueError, match=f"{next(iter(how))}="):
            load("digits-lt", **how)
