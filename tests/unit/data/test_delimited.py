"""Text files as people leave them: nothing merged, nothing dropped, everything said."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from longtail.data import load

ROWS = "1.5,red,a\n2.5,blue,b\n3.5,red,a\n4.5,blue,b\n"


def said(data, words: str) -> bool:
    return any(words in note for note in data.notes)


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("header", ["", "size,colour,kind\n"])
def test_every_delimiter_with_and_without_a_header(write, delimiter, header) -> None:
    data = load(write("t.csv", (header + ROWS).replace(",", delimiter)))
    assert len(data) == 4
    assert data.labels.names == ("a", "b")
    assert list(data.raw.columns) == (["size", "colour"] if header else ["f0", "f1"])
    assert data.raw.iloc[:, 0].tolist() == [1.5, 2.5, 3.5, 4.5]
    assert said(
        data, "the first row names the columns" if header else "no header found: columns named f0..f2"
    )


@pytest.mark.parametrize(
    "head, named",
    [
        ("a,b,label", True),
        ("1,2,0", False),
        ("0,1,2", True),  # what pandas writes for columns without names
        ("x1,2,0", False),  # a number over numbers is a value
    ],
)
def test_header_detection_on_numbers(write, head, named) -> None:
    data = load(write("t.csv", head + "\n" + "".join(f"{i}.5,{i * 7 % 5},{i % 2}\n" for i in range(20))))
    assert len(data) == (20 if named else 21)


def test_header_of_words_over_words(write) -> None:
    body = "".join(f"wort {i} und noch eines,{'ja' if i % 2 else 'nein'}\n" for i in range(12))
    assert len(load(write("a.csv", "satz,urteil\n" + body))) == 12
    assert len(load(write("b.csv", body))) == 12
    assert len(load(write("c.csv", "satz,urteil\n" + body), header=False)) == 13


def test_header_can_be_forced(write) -> None:
    path = write("t.csv", "5,6,1\n" + "1,2,0\n3,4,1\n" * 3)
    assert len(load(path)) == 7
    data = load(path, header=True)
    assert len(data) == 6
    assert list(data.raw.columns) == ["5", "6"]


def test_byte_order_mark_and_windows_line_ends(write) -> None:
    data = load(write("t.csv", "\ufefflabel,x\r\n0,1.5\r\n1,2.5\r\n0,3.5\r\n"))
    assert data.raw["x"].tolist() == [1.5, 2.5, 3.5]
    assert data.labels.y.tolist() == [0, 1, 0]
    assert said(data, "byte order mark")


def test_utf16_gb18030_latin1_are_detected_and_said(write) -> None:
    chinese = "label\tcomment\n" + "".join(f"{i % 2}\t味道很不错，分量足{i}\n" for i in range(9))
    for encoding, title in (("utf-16", "UTF-16"), ("gb18030", "gb18030")):
        data = load(write("t.tsv", chinese.encode(encoding)))
        assert data.raw[3] == "味道很不错，分量足3"
        assert said(data, title)
    french = load(write("t.csv", "label,mot\n0,été\n1,café crème\n0,où ça\n".encode("latin-1")), text="mot")
    assert french.raw == ["été", "café crème", "où ça"]
    assert said(french, "windows-1252")


def test_a_damaged_byte_in_utf8_is_an_error_with_its_line_and_a_way_out(write) -> None:
    good = "".join(f"{i % 2}\t味道很不错，分量足\n" for i in range(9)).encode()
    path = write("t.tsv", b"label\tcomment\n" + good + b"1\tbad \xff byte\n")
    with pytest.raises(ValueError, match=r"line 11: byte 0xff is not UTF-8.*utf-8:replace"):
        load(path)
    data = load(path, encoding="utf-8:replace")
    assert data.raw[-1] == "bad \ufffd byte"
    with pytest.raises(ValueError, match="not an encoding"):
        load(path, encoding="nonsense")
    with pytest.raises(ValueError, match="line 2: not ascii"):
        load(path, encoding="ascii")


def test_unbalanced_quotes_in_a_tsv_merge_no_rows(write) -> None:
    lines = ['0\t他说"很好吃', '1\t"不好吃', '0\t还"行"吧', '1\t"没吃完', '0\t好"', '1\t""']
    data = load(write("t.tsv", "label\tcomment\n" + "\n".join(lines) + "\n"))
    assert data.raw == [line.split("\t")[1] for line in lines]
    assert said(data, "read as they stand, 7 lines as rows")


def test_proper_quotes_enclose_cells(write) -> None:
    data = load(
        write("t.csv", 'label,text\n0,"one, two"\n1,"she said ""no"""\n0,plain\n1,"a\nb"\n'), text="text"
    )
    assert data.raw == ["one, two", 'she said "no"', "plain", "a\nb"]
    assert said(data, "5 rows on 6 lines")


def test_stray_quotes_in_a_csv_swallow_no_rows(write) -> None:
    # Taken loosely, the quotes of rows 2 and 4 would enclose everything between them.
    data = load(write("t.csv", 'text,label\nfine,0\n"abc,1\nok,0\n"def,0\nlast,1\n'))
    assert data.raw == ["fine", '"abc', "ok", '"def', "last"]


def test_quotes_that_cannot_be_read_either_way_name_the_line(write) -> None:
    with pytest.raises(ValueError, match=r"line 3: a double quote"):
        load(write("t.csv", 'text,label\n"a, b",0\n"c" d, e,1\n'))


def test_a_row_of_another_length_names_its_line(write) -> None:
    with pytest.raises(ValueError, match=r"line 4: 4 cells where most lines have 3 \(comma separated\)"):
        load(write("t.csv", "a,b,label\n1,2,0\n3,4,1\n5,6,7,0\n"))
    with pytest.raises(ValueError, match=r"line 5: 2 cells"):
        load(write("t.csv", "a,b,label\n1,2,0\n\n3,4,1\n5,0\n"))


def test_blank_lines_and_stray_carriage_returns(write) -> None:
    data = load(write("t.csv", "a,label\n1,x\n\n2,y\n\n\n3,x\n\n"))
    assert len(data) == 3
    assert said(data, "3 blank lines skipped")
    data = load(write("u.tsv", "label\ttext\n0\tone\rline\n1\tother\n"))
    assert data.raw == ["one line", "other"]
    assert said(data, "1 carriage returns")


def test_an_empty_text_at_the_end_is_a_row(write) -> None:
    data = load(write("t.tsv", "label\ttext\n0\tgood\n1\tbad\n0\t\n1\t"))
    assert data.raw == ["good", "bad", "", ""]
    assert said(data, "2 rows have an empty text")


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "the file is empty"),
        ("  \n", "the file is empty"),
        ("a\nb\nc\n", "no comma, tab"),
        ("a,label\n", "no rows"),
        ("a,label\n1,x\n2,\0\n", "line 3: holds a NUL"),
    ],
)
def test_files_without_a_table(write, content, message) -> None:
    with pytest.raises(ValueError, match=message):
        load(write("t.csv", content), header=True)


def test_gzip_duplicate_names_and_trailing_delimiters(write) -> None:
    data = load(write("t.csv.gz", gzip.compress(b"x,x,label,\n1,2,0,\n3,4,1,\n")))
    assert list(data.raw.columns) == ["x", "x.2"]
    assert said(data, "the later one is now 'x.2'")
    assert said(data, "the empty last column is left out")
    assert data.name == "t"


def test_decimal_commas_between_semicolons(write) -> None:
    data = load(write("t.csv", "a;b;class\n1,5;3;x\n2,5;4;y\n"))
    assert data.raw["a"].tolist() == [1.5, 2.5]
    assert said(data, "'1,5' is read as 1.5")


def test_a_million_rows(tmp_path) -> None:
    rng = np.random.default_rng(0)
    n = 1_000_000
    x = rng.integers(0, 10**6, (n, 3)).astype(str)
    y = rng.integers(0, 5, n).astype(str)
    path = tmp_path / "big.csv"
    path.write_text("a,b,c,label\n" + "\n".join(map(",".join, zip(*x.T, y))) + "\n")
    data = load(path)
    assert len(data) == n
    assert data.raw["b"].to_numpy(dtype=np.int64).sum() == x[:, 1].astype(np.int64).sum()
    assert data.labels.counts.tolist() == np.bincount(y.astype(int)).tolist()
