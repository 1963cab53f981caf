"""Delimited files with what people leave in them: read right, or said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from longtail.data import TableEncoder, TextEncoder, load, load_inputs, read_inputs

ROWS = "1.5,red,a\n2.5,blue,b\n3.5,red,a\n4.5,blue,b\n"


def said(data, words: str) -> bool:
    return any(words in note for note in data.notes)


@pytest.mark.parametrize("head, tail", [("v1,v2,,,", ",,,"), ("v1,v2,", ","), ("v1,v2", ","), ("v1,v2,", "")])
def test_spam_as_kaggle_has_it(write, head, tail) -> None:
    rows = [("ham", "see you at home"), ("spam", "win cash now, text back"), ("ham", "ok on my way")] * 8
    text = head + "\n" + "".join(f'{label},"{words}"{tail}\n' for label, words in rows)
    data = load(write("spam.csv", text.encode("latin-1")))
    assert (data.kind if data.kind == "text" else load(write("s.csv", text), text="v2").kind) == "text"
    assert data.labels.names == ("ham", "spam")
    assert data.labels.counts.tolist() == [16, 8]


def test_columns_without_a_name_that_hold_a_few_cells_are_counted(write) -> None:
    rows = "".join(f"{'ab'[i % 2]},text number {i},{'rest' if i == 7 else ''},\n" for i in range(40))
    data = load(write("t.csv", "v1,v2,,\n" + rows))
    assert list(data.raw.columns if data.kind == "table" else ["v2"]) == ["v2"]
    assert said(data, "2 columns without a name are empty but for 1 rows: left out")


def test_the_index_that_pandas_writes(write) -> None:
    frame = pd.DataFrame({"size": np.arange(30) / 4, "label": list("aab") * 10})
    for shown in (
        frame,
        frame.sample(frac=1, random_state=0),
        frame.set_index(pd.Index([f"r{i}" for i in range(30)])),
    ):
        data = load(write("t.csv", shown.to_csv()))
        assert list(data.raw.columns) == ["size"]
        assert said(data, "number the rows are left out: 'Unnamed: 0'")


def test_row_names_as_r_writes_them(write) -> None:
    data = load(
        write("t.txt", '"size" "label"\n' + "".join(f'"{i}" {i}.5 "{"ab"[i % 2]}"\n' for i in range(1, 9)))
    )
    assert data.raw["size"].tolist() == [i + 0.5 for i in range(1, 9)]
    data = load(
        write("t.csv", '"size","label"\n' + "".join(f'"{i}",{i}.5,"{"ab"[i % 2]}"\n' for i in range(1, 9)))
    )
    assert list(data.raw.columns) == ["size"]
    assert said(data, "as R writes")


@pytest.mark.parametrize("top", ["# by the lab\n", "# one\n# two, with a comma\n\n"])
def test_comments_above_the_header(write, top) -> None:
    data = load(write("t.csv", top + "a,b,label\n" + "1,2,p\n2,1,n\n" * 5))
    assert (len(data), list(data.raw.columns)) == (10, ["a", "b"])
    assert said(data, "lines after # at the top are comments")


def test_a_header_behind_a_hash_is_a_header(write) -> None:
    data = load(write("t.csv", "#a,b,label\n" + "1,2,p\n2,1,n\n" * 5))
    assert list(data.raw.columns) == ["a", "b"]
    assert not said(data, "comments")


def test_a_first_line_that_names_the_delimiter(write) -> None:
    data = load(write("t.csv", "sep=;\na;b;label\n" + "1,5;2;p\n2,5;1;n\n" * 3))
    assert data.raw["a"].tolist() == [1.5, 2.5] * 3
    assert said(data, "names the delimiter")


def test_a_title_above_the_table(write) -> None:
    data = load(write("t.csv", "Measurements of May\n\na,b,label\n" + "1,2,p\n2,1,n\n" * 5))
    assert list(data.raw.columns) == ["a", "b"]
    assert said(data, "above the table are left out (first: 'Measurements of May')")


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_header_in_the_middle(write, quote) -> None:
    part = f"a,b,{quote}label{quote}\n" + "1,2,p\n2,1,n\n" * 10
    data = load(write("t.csv", part + part + part))
    assert (len(data), data.labels.names) == (60, ("n", "p"))
    assert said(data, "the header again in 2 rows: left out")


def test_a_total_in_the_last_row(write) -> None:
    rows = "shop,sales,label\n" + "".join(f"s{i},{i},{'ab'[i % 2]}\n" for i in range(1, 9))
    data = load(write("t.csv", rows + "Total,36,\n"))
    assert len(data) == 8
    assert said(data, "the last row is a total (Total,36,): left out")
    assert len(load(write("u.csv", rows + "Total,36,a\n"))) == 8  # it is the sum of its column
    kept = load(write("v.csv", rows + "Total,4,a\n"))
    assert len(kept) == 9
    assert said(kept, "a total? It is kept")
    text = load(
        write("w.csv", "text,label\n" + "".join(f"words {i},{'ab'[i % 2]}\n" for i in range(9)) + "total,a\n")
    )
    assert len(text) == 10


def test_a_first_row_that_pandas_made_into_names(write) -> None:
    body = "".join(f"{i % 3},{i % 4},{i % 5},{int(i % 9 == 0)}\n" for i in range(60))
    data = load(write("t.csv", "1,1.1,0,0.1\n" + body))
    assert (len(data), data.labels.names) == (61, ("0", "1"))
    assert data.raw.iloc[0].tolist() == [1, 1, 0]
    assert said(data, "values that pandas made into names: 1.1 is 1, 0.1 is 0")
    plain = load(
        write("u.csv", "1,1.1,0,0.1\n" + "".join(f"{i}.5,{i / 10},{i},{i % 2}.1\n" for i in range(30)))
    )
    assert plain.raw["f1"].iloc[0] == 1.1 or said(plain, "1.1 is 1")


@pytest.mark.parametrize("head", ["0,1,2,label", ",0,1,2,label", "Unnamed: 0,0,1,2,target"])
def test_numbers_as_names_beside_a_word(write, head) -> None:
    index = head.count(",") == 4
    rows = "".join(f"{f'{i},' if index else ''}{i % 7},{i % 5}.5,{i % 3},{i % 2}\n" for i in range(30))
    data = load(write("t.csv", head + "\n" + rows))
    assert (len(data), data.labels.names) == (30, ("0", "1"))
    assert list(data.raw.columns) == ["0", "1", "2"]


def test_a_row_of_values_that_begins_like_names_is_a_row(write) -> None:
    assert len(load(write("t.csv", "0,1,red\n" + "3,4,blue\n1,2,red\n" * 9))) == 19


# Options


def test_rows_of_another_length_can_be_left_out_and_are_counted(write) -> None:
    text = "a,b,label\n1,2,x\n3,4\n5,6,7,y\n8,9,y\n"
    with pytest.raises(ValueError, match=r"line 3: 2 cells where most lines have 3.*skip_bad=True"):
        load(write("t.csv", text))
    data = load(write("t.csv", text), skip_bad=True)
    assert data.raw["a"].tolist() == [1, 8]
    assert said(data, "2 rows of another number of cells are left out (first: line 3)")
    quoted = load(write("q.csv", text.replace("8,", '"8",')), skip_bad=True)
    assert quoted.raw["a"].tolist() == [1, 8]
    assert said(quoted, "2 rows of another number of cells are left out (first: line 3)")


def test_drop_missing_delimiter_and_header(write) -> None:
    text = "id;a;b;label\n" + "".join(f"{i};{-999 if i == 2 else i};x;{'pn'[i % 2]}\n" for i in range(6))
    path = write("t.csv", text)
    data = load(path, drop=["b", 0], missing="-999")
    assert list(data.raw.columns) == ["a"]
    assert data.raw["a"].isna().tolist() == [False, False, True, False, False, False]
    assert said(data, "left out as asked: 'b', 'id'")
    assert said(data, "read as missing (-999): a (1)")
    assert data.reading == {"label": "label", "missing": ["-999"]}
    assert load(path, delimiter="semicolon").fingerprint == load(path).fingerprint
    with pytest.raises(ValueError, match="a single column"):
        load(path, delimiter="comma", header=True)
    with pytest.raises(ValueError, match=r"delimiter='::' must be one of comma, tab"):
        load(path, delimiter="::")
    with pytest.raises(ValueError, match=r"no column 'lable' for label=.*did you mean 'label'\?"):
        load(path, label="lable")
    with pytest.raises(ValueError, match=r"no column 'idd' for drop="):
        load(path, drop="idd")
    with pytest.raises(ValueError, match="'label' is asked for, and named in drop= too"):
        load(path, label="label", drop="label")


def test_missing_words_do_not_touch_the_label(write) -> None:
    data = load(write("t.csv", "a,label\n-1,-1\n2,1\n3,-1\n4,1\n"), missing=["-1"])
    assert data.labels.names == ("-1", "1")
    assert data.raw["a"].isna().sum() == 1


# The label that is named is the label


@pytest.mark.parametrize("name", [lambda k: k + 40_000, lambda k: f"species {k}"])
@pytest.mark.parametrize("classes, repeats", [(60, (1, 2)), (1203, (1, 2)), (90, (1, 1)), (2, (1, 1))])
def test_many_classes_under_the_name_given(write, name, classes, repeats) -> None:
    y = [name(k) for k in range(classes) for _ in range(repeats[k % 2])]
    frame = pd.DataFrame({"a": range(len(y)), "b": 1.5, "taxon": y})
    path = write("t.csv", frame.to_csv(index=False))
    data = load(path, label="taxon")
    assert data.labels.num_classes == classes
    if classes > 10:
        assert said(data, f"{classes} different")
        with pytest.raises(ValueError, match="name the label column with label="):
            load(path)


# Rows to predict


@pytest.mark.parametrize(
    "name, content, texts",
    [
        ("a.csv", "good soup\na mouse\nnever again\n", ["good soup", "a mouse", "never again"]),
        ("b.csv", "good soup; really\nno; never\n", ["good soup; really", "no; never"]),
        ("c.csv", "one, two\nthree\n", ["one, two", "three"]),
        ("d.csv", "text\ngood soup; really\na; b; c\n", ["good soup; really", "a; b; c"]),
        ("e.csv", "review_text\none | two\nthree\n", ["one | two", "three"]),
        ("f.csv", "a single text\n", ["a single text"]),
        ("g.csv", 'he said "no", twice\n"odd\n', ['he said "no", twice', '"odd']),
        ("h.csv", '"one, two"\n"three"\n', ["one, two", "three"]),
        ("i.tsv", "one two\nthree four\n", ["one two", "three four"]),
        ("j.csv", "12\n13\n14\n", ["12", "13", "14"]),
        ("k.csv", "0\nas pandas writes\nwithout a name\n", ["as pandas writes", "without a name"]),
    ],
)
def test_a_file_of_texts_alone_loses_none_and_splits_none(write, name, content, texts) -> None:
    notes: list[str] = []
    encoder = TextEncoder.fit(["one text", "another text"])
    assert load_inputs(write(name, content), encoder, say=notes.append) == texts


def test_labels_before_texts_are_known_by_the_classes(write) -> None:
    encoder = TextEncoder.fit(["one text", "another text"])
    path = write("t.label", "NUM:dist How far ?\nHUM:desc Who ?\n")
    assert load_inputs(path, encoder) == ["NUM:dist How far ?", "HUM:desc Who ?"]
    found = read_inputs(path, encoder, classes=("HUM:desc", "NUM:dist"))
    assert found.raw == ["How far ?", "Who ?"]
    assert found.frame["label"].tolist() == ["NUM:dist", "HUM:desc"]


def test_one_column_of_numbers_keeps_its_first_row(write) -> None:
    encoder = TableEncoder.fit(load(write("t.csv", "1.5,a\n2.5,b\n3.5,a\n")).raw)
    assert load_inputs(write("new.csv", "7.5\n8.5\n9.5\n"), encoder)["f0"].tolist() == [7.5, 8.5, 9.5]
    assert load_inputs(write("one.csv", "0\n8.5\n"), encoder)["f0"].tolist() == [0, 8.5]
    named = TableEncoder.fit(load(write("u.csv", "size,label\n1.5,a\n2.5,b\n3.5,a\n")).raw)
    assert load_inputs(write("new.csv", "size\n7.5\n8.5\n"), named)["size"].tolist() == [7.5, 8.5]


# Names that act on a terminal


def test_names_from_data_hold_no_escapes(write) -> None:
    red = "\x1b[31mred\x1b[0m"
    data = load(write("t.csv", f"a,{red},label\n" + f"1,2,{red}\n2,1,blue\n" * 3))
    assert (
        data.labels.names == ("\\x1b[31mred\\x1b[0m", "blue") or "\\x1b[31mred\\x1b[0m" in data.labels.names
    )
    assert "\\x1b[31mred\\x1b[0m" in data.raw.columns
    assert said(data, "characters that act on a terminal are written as their codes")
    assert not any("\x1b" in text for text in (*data.labels.names, *data.raw.columns, *data.notes))
