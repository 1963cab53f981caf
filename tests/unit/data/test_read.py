"""Columns get their roles; every format is read; what cannot be read says why and what to do."""

from __future__ import annotations

import io
import json
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from longtail.data import (
    EmbeddingEncoder,
    ImageEncoder,
    ImageFiles,
    TableEncoder,
    TextEncoder,
    load,
    load_inputs,
    read_inputs,
)


def said(data, words: str) -> bool:
    return any(words in note for note in data.notes)


def png(colour: int, size: tuple[int, int] = (6, 4), mode: str = "RGB", form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour if mode == "L" else (colour, 0, 0, 255)[: len(mode)]).save(out, form)
    return out.getvalue()


# Tables and text


TABLE = "id,size,colour,note,Label\n" + "".join(
    f"{i},{i / 4},{['red', 'blue'][i % 2]},,{['yes', 'no', 'yes'][i % 3]}\n" for i in range(30)
)


def test_the_label_is_found_by_name_and_row_numbers_are_left_out(write) -> None:
    data = load(write("t.csv", TABLE))
    assert (data.kind, data.name, data.labels.names) == ("table", "t", ("no", "yes"))
    assert list(data.raw.columns) == ["size", "colour", "note"]
    assert said(data, "label: column 'Label'")
    assert said(data, "number the rows are left out: 'id'")
    assert said(data, "column 'note': empty in every row")


def test_columns_can_be_named_numbered_or_mistyped_in_case(write) -> None:
    path = write("t.csv", TABLE)
    data = load(path, label="COLOUR", features=["size", 0])
    assert data.labels.names == ("blue", "red")
    assert list(data.raw.columns) == ["size", "id"]
    assert load(path, label=-1).labels.names == ("no", "yes")
    with pytest.raises(ValueError, match=r"no column 'weight' for label=; the columns are 'id', 'size'"):
        load(path, label="weight")
    with pytest.raises(ValueError, match=r"no column 'prose' for text=; the columns are"):
        load(path, text="prose")
    with pytest.raises(ValueError, match="both the label and an input"):
        load(path, label="size", features=["size"])


def test_mixed_types_and_missing_values(write) -> None:
    rows = [f"{i},{i % 3},{'abc'[i % 3]},{i % 2}" for i in range(40)]
    rows[3] = "n/a,unknown,?,1"
    rows[7] = "inf,2,a,0"
    data = load(write("t.csv", "a,b,c,label\n" + "\n".join(rows) + "\n"))
    assert data.raw["a"].isna().sum() == 2
    assert said(data, "column 'a': 1 infinite")
    assert said(data, "column 'b': 1 of 40 cells are not numbers (row 4: 'unknown'): read as missing")
    assert data.raw["c"].iloc[3] is None
    assert data.raw["c"].iloc[4] == "b"


def test_a_text_column_is_recognised(write) -> None:
    rows = [{"uid": i, "body": f"a rather long message number {i}", "stars": i % 2} for i in range(20)]
    path = write("t.jsonl", "\n".join(map(json.dumps, rows)))
    data = load(path, label="stars")
    assert (data.kind, data.raw[3]) == ("text", "a rather long message number 3")
    assert said(data, "kind: text, in column 'body'")
    assert load(path, label="stars", kind="table").kind == "table"


def test_free_text_beside_other_features_is_a_table_that_says_how_to_read_the_text(write) -> None:
    body = "".join(f"{i * 0.5},{i}th remark of considerable length,{i % 2}\n" for i in range(20))
    path = write("t.csv", "size,remark,label\n" + body)
    data = load(path)
    assert data.kind == "table"
    assert said(data, "pass text='remark'")
    assert said(load(path, text="remark"), "not used: 'size'")


def test_names_of_classes_beside_the_file(write) -> None:
    write("class.txt", "cat\ndog\n")
    path = write("dev.txt", "".join(f"title number {i} of many\t{i % 2}\n" for i in range(10)))
    data = load(path)
    assert data.labels.names == ("cat", "dog")
    assert said(data, "class names from class.txt")
    write("class.txt", "cat\ndog\neel\n")
    assert load(path).labels.names == ("0", "1")


def test_jsonl_of_uneven_rows(write) -> None:
    path = write("t.jsonl", '{"a": 1, "label": "x"}\n\n{"label": "y"}\n{"a": 3, "b": true, "label": "x"}\n')
    data = load(path)
    assert data.raw["a"].isna().tolist() == [False, True, False]
    assert len(load(write("t.json", '[{"a": 1, "label": 0}, {"a": 2, "label": 1}]'))) == 2
    text = load(
        write("u.jsonl", '{"text": "\\ud800 odd", "label": 1}\n{"text": null, "label": 0}\n'), text="text"
    )
    assert text.raw == ["\ufffd odd", ""]
    assert said(text, "1 rows have no text")


@pytest.mark.parametrize(
    "content, message",
    [
        ('{"a": 1, "label": 0}\n{"a": 2,\n', "line 2: not JSON"),
        ('{"a": 1, "label": 0}\n[1, 2]\n', "line 2: list where an object"),
        ('{"a": {"b": 1}, "label": 0}\n', "column 'a': holds objects"),
    ],
)
def test_broken_jsonl(write, content, message) -> None:
    with pytest.raises(ValueError, match=message):
        load(write("t.jsonl", content))


def test_parquet_tables(tmp_path) -> None:
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3, 4], dtype="Int64"),
            "when": pd.to_datetime(["2020-01-01", "2020-01-02", None, "2020-01-04"]),
            "flag": [True, False, True, False],
            "word": pd.Categorical(["a", "b", None, "a"]),
            "label": ["x", "y", "x", "y"],
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    data = load(tmp_path / "t.parquet")
    assert data.raw["n"].isna().tolist() == [False, True, False, False]
    assert data.raw["when"].iloc[0] == pd.Timestamp("2020-01-01")
    assert data.raw["flag"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert data.raw["word"].tolist() == ["a", "b", None, "a"]
    assert said(data, "'when': dates, read as a running time")
    TableEncoder.fit(data.raw)(data.raw)


def test_lists_and_bytes_are_no_table_columns(write) -> None:
    rows = [{"a": 1.5 if i % 2 else float("inf"), "b": [i, i], "c": i, "label": i % 2} for i in range(4)]
    path = write("t.jsonl", "\n".join(map(json.dumps, rows)))
    with pytest.raises(ValueError, match=r"column 'b': holds lists.*features="):
        load(path, kind="table")
    assert len(load(path, kind="table", features=["a", "c"])) == 4


# Images


def hugging_face(path, sizes, names=("ant", "bee")) -> None:
    image = [{"bytes": png(10 * i, size), "path": f"{i}.png"} for i, size in enumerate(sizes)]
    table = pa.table({"img": image, "label": [i % 2 for i in range(len(sizes))]})
    features = {"label": {"_type": "ClassLabel", "names": list(names)}}
    pq.write_table(
        table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})}), path
    )


def test_parquet_with_image_bytes(tmp_path) -> None:
    hugging_face(tmp_path / "t.parquet", [(6, 4)] * 4)
    data = load(tmp_path / "t.parquet")
    assert (data.kind, tuple(data.raw.shape), data.raw.dtype) == ("image", (4, 3, 4, 6), torch.uint8)
    assert data.raw[2, :, 0, 0].tolist() == [20, 0, 0]
    assert data.labels.names == ("ant", "bee")


def test_folders_with_train_and_test(tmp_path) -> None:
    hugging_face(tmp_path / "train-00000-of-00001.parquet", [(6, 4)] * 4)
    hugging_face(tmp_path / "test-00000-of-00001.parquet", [(6, 4)] * 2)
    assert len(load(tmp_path)) == 4
    assert said(load(tmp_path), "the folder also has test")
    assert len(load(tmp_path, split="test")) == 2
    with pytest.raises(ValueError, match="no part called validation; there are test-"):
        load(tmp_path, split="validation")


def test_images_of_several_sizes_are_decoded_when_needed(tmp_path) -> None:
    hugging_face(tmp_path / "t.parquet", [(6, 4), (8, 8), (6, 4), (10, 6)])
    data = load(tmp_path / "t.parquet")
    assert isinstance(data.raw, ImageFiles)
    assert data.raw.sizes == ((4, 6), (8, 8), (4, 6), (6, 10))
    part = data.take(torch.tensor([1, 0]))
    assert part.raw[0].shape == (3, 8, 8)
    encoder = ImageEncoder.fit(data.raw)
    assert "resized" in encoder.notes[0]
    assert encoder(part.raw).shape == (2, *encoder.feature_shape)


def test_a_folder_of_class_folders(tmp_path) -> None:
    for i, (name, mode, form) in enumerate(
        [
            ("cats/1.png", "RGB", "PNG"),
            ("cats/deep/2.jpg", "RGB", "JPEG"),
            ("dogs/10.webp", "RGB", "WEBP"),
            ("dogs/9.png", "L", "PNG"),
            ("dogs/8.PNG", "RGBA", "PNG"),
        ]
    ):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(40 * i, (4, 4), mode, form))
    (tmp_path / "pets/cats/notes.txt").write_text("x")
    (tmp_path / "pets/cats/.DS_Store").write_text("x")
    (tmp_path / "pets/empty").mkdir()
    (tmp_path / "pets/loose.png").write_bytes(png(1))
    data = load(tmp_path / "pets")
    assert (data.name, data.kind, data.labels.names) == ("pets", "image", ("cats", "dogs"))
    assert data.labels.y.tolist() == [0, 0, 1, 1, 1]
    assert data.raw[3, :, 0, 0].tolist() == [120, 120, 120]  # 8.PNG, 9.png, 10.webp in natural order
    for words in (
        "1 files in the class folders",
        "1 folders without images are no classes: empty",
        "1 images outside",
    ):
        assert said(data, words), data.notes
    assert len(load_inputs(tmp_path / "pets", ImageEncoder((4, 4)))) == 6
    (tmp_path / "pets/dogs/broken.png").write_bytes(png(3)[:40])
    with pytest.raises(ValueError, match=r"broken\.png: not a readable image"):
        load(tmp_path / "pets")


def test_transparency_lies_on_white_and_exif_turns(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    Image.new("RGBA", (4, 4), (255, 0, 0, 0)).save(tmp_path / "a/1.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4), (0, 255, 0)).save(tmp_path / "b/1.jpg", exif=exif)
    data = load(tmp_path)
    assert data.raw[0][:, 0, 0].tolist() == [255, 255, 255]
    assert data.raw.sizes == ((4, 4), (8, 4))
    assert data.raw[1].shape == (3, 8, 4)


def test_folders_that_are_no_data_set(tmp_path) -> None:
    with pytest.raises(ValueError, match="holds nothing: give a file"):
        load(tmp_path)
    (tmp_path / "only").mkdir()
    with pytest.raises(ValueError, match="at least two classes"):
        load(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.csv").write_text("a,label\n1,x\n2,y\n")
    assert said(load(tmp_path / "deep"), "the only data file")
    (tmp_path / "deep/b.csv").write_text("a,label\n1,x\n2,y\n")
    with pytest.raises(ValueError, match=r"a\.csv, b\.csv: give a file"):
        load(tmp_path / "deep")


# Embeddings


def test_npz_and_safetensors(tmp_path) -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    y = np.array(["b", "a", "b", "a", "b", "b"])
    np.savez(tmp_path / "a.npz", X=x, y=y)
    data = load(tmp_path / "a.npz")
    assert (data.kind, data.labels.names, data.raw.dtype) == ("embedding", ("a", "b"), torch.float32)
    save_file(
        {"features": torch.from_numpy(x).half(), "labels": torch.arange(6) % 2}, tmp_path / "a.safetensors"
    )
    assert torch.allclose(load(tmp_path / "a.safetensors").raw, data.raw, atol=1e-3)
    np.savez(tmp_path / "b.npz", mine=x, z=y)
    with pytest.raises(
        ValueError, match=r"no array for the features.*mine \(6, 3\), z \(6,\): name it with features="
    ):
        load(tmp_path / "b.npz")
    assert load(tmp_path / "b.npz", features=["mine"], label="z").fingerprint == data.fingerprint
    images = np.zeros((6, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "c.npz", x=images, y=y)
    assert tuple(load(tmp_path / "c.npz").raw.shape) == (6, 3, 8, 8)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_pickles_are_never_opened(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", X=np.zeros((2, 2)), y=np.array([Bomb(), Bomb()], dtype=object))
    with pytest.raises(ValueError, match="never unpickled"):
        load(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"b\.npz"):
        load(tmp_path / "b.npz")
    (tmp_path / "c.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"c\.safetensors: not a readable"):
        load(tmp_path / "c.safetensors")


@pytest.mark.parametrize(
    "x, y, message",
    [
        (
            np.array([[1.0, np.nan], [1, 2]]),
            [0, 1],
            r"1 rows hold NaN or infinity \(first: row 1, column 1\)",
        ),
        (np.zeros((2, 2)), [0, 1, 0], r"labels of shape \(3,\) for 2 rows"),
        (np.array([["a"], ["b"]]), [0, 1], "numbers are needed"),
        (np.zeros(2), [0, 1], r"\[N, d\] is needed"),
    ],
)
def test_bad_arrays(tmp_path, x, y, message) -> None:
    np.savez(tmp_path / "a.npz", X=x, y=y)
    with pytest.raises(ValueError, match=message):
        load(tmp_path / "a.npz")


def test_embeddings_in_a_parquet_list_column(tmp_path) -> None:
    pq.write_table(
        pa.table({"embedding": [[1.0, 2.0], [3.0, 4.0]], "label": ["a", "b"]}), tmp_path / "t.parquet"
    )
    data = load(tmp_path / "t.parquet")
    assert (data.kind, data.raw.tolist()) == ("embedding", [[1.0, 2.0], [3.0, 4.0]])
    pq.write_table(pa.table({"embedding": [[1.0], [3.0, 4.0]], "label": ["a", "b"]}), tmp_path / "u.parquet")
    with pytest.raises(ValueError, match=r"vectors of lengths \[1, 2\]"):
        load(tmp_path / "u.parquet")


# What is no data


def test_nothing_there_or_unknown(tmp_path) -> None:
    (tmp_path / "near.csv").write_text("x")
    with pytest.raises(FileNotFoundError, match=r"does not exist; beside it are near\.csv"):
        load(tmp_path / "far.csv")
    (tmp_path / "t.xlsx").write_text("x")
    with pytest.raises(ValueError, match=r"t\.xlsx: not a readable xlsx file"):
        load(tmp_path / "t.xlsx")
    (tmp_path / "t.parquet").write_text("x")
    with pytest.raises(ValueError, match="not a readable parquet"):
        load(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="kind='sound' must be one of"):
        load("digits-lt", kind="sound")
    for bad in ("digits-lt:1000", "digits-lt:much"):
        with pytest.raises(ValueError, match=f"{bad}: .*write digits-lt or"):
            load(bad)


# Rows to predict


def test_inputs_for_a_table_model(write) -> None:
    data = load(write("t.csv", TABLE))
    encoder = TableEncoder.fit(data.raw)
    notes: list[str] = []
    raw = load_inputs(write("new.csv", "note,colour,size\n,red,1\n,blue,2\n"), encoder, say=notes.append)
    assert torch.equal(encoder(raw), encoder(raw[["colour", "size"]]))
    raw = load_inputs(write("with.csv", TABLE), encoder, say=notes.append)
    assert torch.equal(encoder(raw), encoder(data.raw))
    assert any("not used: column 'id', 'note', 'Label'" in n for n in notes)
    with pytest.raises(
        ValueError,
        match=r"no column 'colour', which the model needs \(1 of its 2 columns are missing\); there are 'size'",
    ):
        load_inputs(write("short.csv", "size,kind\n1,a\n2,b\n3,a\n"), encoder)


def test_inputs_are_read_as_training_read_them(write) -> None:
    data = load(
        write(
            "t.csv", "code,n,label\n" + "".join(f"{[1, 2, 'x'][i % 3]},{i % 9},{i % 2}\n" for i in range(30))
        )
    )
    encoder = TableEncoder.fit(data.raw)
    assert {name: r.kind for name, r in encoder.readings.items()} == {"code": "word", "n": "number"}
    notes: list[str] = []
    raw = load_inputs(write("new.csv", "code,n\n1,5\n2,bad\n"), encoder, say=notes.append)
    assert raw["code"].tolist() == ["1", "2"]
    assert any("column 'n': 1 of 2 cells are not numbers (row 2: 'bad')" in n for n in notes)
    pd.DataFrame({"code": [1.0, 2.0], "n": [5, 6]}).to_parquet(write("new.parquet", ""))
    x = encoder(load_inputs(write("new.csv", "code,n\n1,5\n2,6\n"), encoder))
    assert torch.equal(
        encoder(load_inputs(write("a.csv", "n,code\n5,1\n6,2\n").with_name("new.parquet"), encoder)), x
    )


def test_inputs_for_a_headerless_table_model(write) -> None:
    data = load(write("t.csv", "1.5,2,a\n2.5,3,b\n3.5,4,a\n"))
    encoder = TableEncoder.fit(data.raw)
    assert load_inputs(write("new.csv", "7.5,9\n"), encoder)["f0"].tolist() == [7.5]
    assert len(load_inputs(write("with.csv", "1.5,2,a\n2.5,3,b\n"), encoder)) == 2


def test_inputs_for_a_text_model(write) -> None:
    encoder = TextEncoder.fit(["one text", "another text"])
    assert load_inputs(write("a.jsonl", '{"text": "new"}\n'), encoder) == ["new"]
    assert load_inputs(write("b.tsv", "label\tcomment\n0\tnew one\n1\told one\n"), encoder) == [
        "new one",
        "old one",
    ]
    assert load_inputs(write("d.csv", 'comment\n"one, two"\nthree\n'), encoder) == ["one, two", "three"]
    assert load_inputs(write("c.txt", "a first line\nand a second, longer one\n"), encoder) == [
        "a first line",
        "and a second, longer one",
    ]


def test_inputs_for_other_models(tmp_path, write) -> None:
    np.savez(tmp_path / "a.npz", x=np.ones((2, 3)))
    encoder = EmbeddingEncoder.fit(torch.rand(4, 3))
    assert load_inputs(tmp_path / "a.npz", encoder).shape == (2, 3)
    with pytest.raises(ValueError, match="holds embeddings; the model takes image"):
        load_inputs(tmp_path / "a.npz", ImageEncoder((4, 4)))
    assert load_inputs("digits-lt", ImageEncoder((8, 8))).shape[1:] == (3, 8, 8)
    path = write("one.png", png(9))
    assert load_inputs(path, ImageEncoder((4, 6))).shape == (1, 3, 4, 6)


def test_what_prediction_leaves_out_has_no_remedy_that_it_lacks(write) -> None:
    """``features=`` is for training: a model knows its columns."""
    rows = [f"{i},{'a fine and tasty soup thank you ' + str(i)},{'yn'[i % 3 == 0]}" for i in range(30)]
    data = load(write("t.csv", "\n".join(["id,comment,label", *rows])), kind="text")
    assert said(data, "'id' (to keep one, list the columns with --features)")
    like = TextEncoder.fit(data.raw)
    found = read_inputs(
        write("new.csv", "\n".join(["id,comment", *(r.rsplit(",", 1)[0] for r in rows)])), like
    )
    assert found.raw == data.raw
    assert any(note.endswith("left out: 'id'") for note in found.notes), found.notes


def test_embeddings_of_another_width_are_refused_with_their_file(tmp_path):
    """What is read as rows of numbers, and is of another width, was refused without a word on the file."""
    like = EmbeddingEncoder.fit(torch.randn(5, 3))
    np.savez(tmp_path / "new.npz", x=np.ones((4, 2), dtype=np.float32))
    with pytest.raises(ValueError, match=r"new\.npz: rows of 2 numbers; the model takes 3"):
        load_inputs(tmp_path / "new.npz", like)
