"""Pictures as people have them: class folders of any name, tables that name files, folders to predict."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from longtail.data import ImageEncoder, ImageFiles, encoder_for, load, read_inputs


def said(data, words: str) -> bool:
    return any(words in note for note in data.notes)


@pytest.fixture
def pictures(tmp_path):
    def put(folder: str, n: int, size=(8, 8)) -> None:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            pixels = np.random.default_rng(i).integers(0, 255, (*size, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{i}.png")

    return put


def test_a_class_called_train(tmp_path, pictures) -> None:
    for name, n in {"bicycle": 9, "bus": 6, "train": 3}.items():
        pictures(f"v/{name}", n)
    assert load(tmp_path / "v").labels.names == ("bicycle", "bus", "train")
    pictures("v/test", 4)
    assert load(tmp_path / "v").labels.names == ("bicycle", "bus", "test", "train")


def test_parts_hold_class_folders(tmp_path, pictures) -> None:
    for part, n in {"train": 4, "test": 2}.items():
        for name in ("cat", "train"):  # a class called train in a part called train
            pictures(f"{part}/{name}", n)
    data = load(tmp_path)
    assert (data.labels.names, len(data)) == (("cat", "train"), 8)
    assert said(data, "train is read; the folder also has test")
    assert len(load(tmp_path, split="test")) == 4


def test_parts_without_class_folders_are_no_classes(tmp_path, pictures) -> None:
    pictures("train", 3), pictures("test", 2)
    with pytest.raises(ValueError, match=r"test, train hold pictures and no class folders.*images="):
        load(tmp_path)
    (tmp_path / "labels.csv").write_text("file,label\n0.png,a\n1.png,b\n2.png,a\n")
    assert load(tmp_path).labels.names == ("a", "b")


def test_folders_within_class_folders_are_said(tmp_path, pictures) -> None:
    for name, n in {"birds/finch": 9, "birds/owl": 5, "fish/cod": 3}.items():
        pictures(name, n)
    data = load(tmp_path)
    assert data.labels.names == ("birds", "fish")
    assert said(
        data, "folders within 2 class folders: all pictures in birds are of class birds, those in its"
    )
    assert said(data, "finch, owl")
    pictures("flat/a", 2), pictures("flat/b", 2)
    assert not said(load(tmp_path / "flat"), "folders within")


def test_class_folders_one_level_down(tmp_path, pictures) -> None:
    pictures("archive/images/cat", 3), pictures("archive/images/dog", 2)
    (tmp_path / "archive/manifest.json").write_text("{}")
    (tmp_path / "archive/.cache").mkdir()
    data = load(tmp_path)
    assert data.labels.names == ("cat", "dog")
    assert said(data, "images is read, the only folder with pictures")


# Tables that name pictures


def table(path, rows) -> None:
    path.write_text(
        "image_id,age,label\n" + "".join(f"{name},{i},{label}\n" for i, (name, label) in enumerate(rows))
    )


def test_a_table_of_file_names_is_read_as_pictures(tmp_path, pictures) -> None:
    pictures("images", 30)
    table(tmp_path / "train.csv", [(f"{i}.png", "ab"[i % 10 == 0]) for i in range(30)])
    data = load(tmp_path / "train.csv")
    assert (data.kind, len(data), data.labels.counts.tolist()) == ("image", 30, [27, 3])
    assert said(data, "pictures named in column 'image_id'")
    assert said(data, "not used: 'age'")
    assert np.array_equal(data.raw[7].permute(1, 2, 0), np.asarray(Image.open(tmp_path / "images/7.png")))
    assert load(tmp_path).fingerprint == data.fingerprint  # the folder around it, too
    table(tmp_path / "paths.csv", [(f"images/{i}.png", "ab"[i % 10 == 0]) for i in range(30)])
    assert load(tmp_path / "paths.csv").fingerprint == data.fingerprint


@pytest.mark.parametrize("other", ["test", "test_images", "photos 2"])
def test_folders_that_say_where_pictures_are_are_no_classes(tmp_path, pictures, other) -> None:
    """``images`` and ``test`` beside a table of labels were two classes."""
    pictures("images", 30), pictures(other, 3)
    table(tmp_path / "labels.csv", [(f"{i}.png", "ab"[i % 10 == 0]) for i in range(30)])
    data = load(tmp_path)
    assert (data.labels.names, data.labels.counts.tolist()) == (("a", "b"), [27, 3])
    assert said(data, "labels.csv is read, the only data file in the folder")
    (tmp_path / "labels.csv").unlink()
    with pytest.raises(ValueError, match=r"hold pictures and no class folders. Give the table of labels"):
        load(tmp_path)
    pictures("horses", 2)
    assert load(tmp_path).labels.num_classes == 3


def test_a_table_beside_class_folders_is_said(tmp_path, pictures) -> None:
    pictures("cat", 3), pictures("dog", 2)
    (tmp_path / "sizes.csv").write_text("file,width\n0.png,8\n")
    data = load(tmp_path)
    assert data.labels.names == ("cat", "dog")
    assert said(data, "the folders are the classes; not read: sizes.csv")


def test_names_without_an_ending_and_a_folder_elsewhere(tmp_path, pictures) -> None:
    pictures("far/away/x", 9)
    (tmp_path / "t.csv").write_text(
        "id,dx\n" + "".join(f"{i},{'mel' if i % 3 == 0 else 'nv'}\n" for i in range(9))
    )
    data = load(tmp_path / "t.csv", images=tmp_path / "far", label="dx")
    assert (data.kind, data.labels.counts.tolist()) == ("image", [3, 6])
    pictures("far/away/y", 9)
    with pytest.raises(ValueError, match=r"'0' may be .*0\.png or .*0\.png: write the names as paths from"):
        load(tmp_path / "t.csv", images=tmp_path / "far", label="dx")
    with pytest.raises(ValueError, match=r"images='.*none' is no folder|no images"):
        load(tmp_path / "t.csv", images=tmp_path / "none")


def test_pictures_that_are_not_there(tmp_path, pictures) -> None:
    pictures("images", 4)
    table(tmp_path / "t.csv", [(f"{i}.png", "ab"[i % 2]) for i in range(6)])
    with pytest.raises(
        ValueError, match=r"2 of 6 are not there \(row 5: '4\.png'.*images=.*skip_bad=True.*kind='table'"
    ):
        load(tmp_path / "t.csv")
    data = load(tmp_path / "t.csv", skip_bad=True)
    assert len(data) == 4
    assert said(data, "2 rows whose picture is not there are left out (first: row 5)")
    assert load(tmp_path / "t.csv", kind="table").kind == "table"
    table(tmp_path / "u.csv", [(f"https://a.b/{i}.png", "ab"[i % 2]) for i in range(6)])
    with pytest.raises(ValueError, match="download the pictures first"):
        load(tmp_path / "u.csv")


@pytest.mark.parametrize("sizes", [[(8, 8)], [(8, 8), (9, 7)]])
def test_damaged_pictures_stop_or_are_counted(tmp_path, pictures, sizes) -> None:
    for k, size in enumerate(sizes * 2):
        pictures(f"d/{'ab'[k % 2]}{k if k > 1 else ''}", 3, size)
    first = next((tmp_path / "d").iterdir())
    (first / "0.png").write_bytes((first / "0.png").read_bytes()[:-40])
    (first / "9.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"(0\.png|9\.jpg): not a readable image .*skip_bad=True"):
        load(tmp_path / "d")
    data = load(tmp_path / "d", skip_bad=True)
    assert len(data) == 3 * len(list((tmp_path / "d").iterdir())) - 1
    assert isinstance(data.raw, ImageFiles) == (len(sizes) > 1)
    assert said(data, "2 pictures that cannot be read are left out (first: ")


# Detection data are named as what they are


def test_detection_folders_are_named(tmp_path, pictures) -> None:
    pictures("yolo/train/images", 2)
    (tmp_path / "yolo/train/labels").mkdir()
    (tmp_path / "yolo/train/labels/0.txt").write_text("0 .5 .5 .1 .1\n")
    pictures("yolo2/images", 2)
    (tmp_path / "yolo2/data.yaml").write_text("names: [a]")
    for name in ("yolo", "yolo2"):
        with pytest.raises(
            ValueError, match=r"a YOLO folder: boxes on pictures.*To convert: cut each box out"
        ):
            load(tmp_path / name)
    pictures("voc/JPEGImages", 2)
    (tmp_path / "voc/Annotations").mkdir()
    (tmp_path / "voc/Annotations/0.xml").write_text("<annotation/>")
    with pytest.raises(ValueError, match="a Pascal VOC folder"):
        load(tmp_path / "voc")
    pictures("coco/train", 2)
    (tmp_path / "coco/annotations").mkdir()
    (tmp_path / "coco/annotations/train.json").write_text(json.dumps({"images": [], "annotations": []}))
    with pytest.raises(ValueError, match="a COCO folder"):
        load(tmp_path / "coco")


# Rows to predict


def test_every_picture_in_a_folder_has_its_path(tmp_path, pictures) -> None:
    pictures("new", 3), pictures("new/train/deep", 2), pictures("new/b 10", 1), pictures("new/b 9", 1)
    found = read_inputs(tmp_path / "new", ImageEncoder((8, 8)))
    names = [p.relative_to(tmp_path / "new").as_posix() for p in found.paths]
    assert names == [
        "0.png",
        "1.png",
        "2.png",
        "b 9/0.png",
        "b 10/0.png",
        "train/deep/0.png",
        "train/deep/1.png",
    ]
    assert len(found.raw) == 7
    (tmp_path / "new/1.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"1\.png: not a readable image"):
        read_inputs(tmp_path / "new", ImageEncoder((8, 8)))
    found = read_inputs(tmp_path / "new", ImageEncoder((8, 8)), skip_bad=True)
    assert [p.name for p in found.paths][:2] == ["0.png", "2.png"]
    assert len(found.raw) == 6


def test_pictures_to_predict_may_be_named_in_a_table(tmp_path, pictures) -> None:
    pictures("new", 3)
    (tmp_path / "new.csv").write_text("who,file\na,2.png\nb,0.png\n")
    found = read_inputs(tmp_path / "new.csv", ImageEncoder((8, 8)))
    assert [p.name for p in found.paths] == ["2.png", "0.png"]
    assert found.frame["who"].tolist() == ["a", "b"]


def test_real_pictures_in_odd_formats(real) -> None:
    with pytest.raises(ValueError, match=r"circle_18\.jpg: not a readable image"):
        load(real("img-odd-formats"))
    data = load(real("img-odd-formats"), skip_bad=True)
    assert data.labels.names == ("circle", "square", "stripes", "triangle")
    assert data.labels.counts.tolist() == [19, 11, 6, 3]
    assert said(data, "3 pictures that cannot be read are left out")


def test_rows_without_bytes_are_left_out_in_training_and_in_prediction(tmp_path) -> None:
    """One reader for both: what ``skip_bad`` leaves out of one it leaves out of the other."""
    cells = []
    for shade in (0, 80, 160, 240):
        out = io.BytesIO()
        Image.new("RGB", (8, 8), (shade, 0, 0)).save(out, "PNG")
        cells.append(out.getvalue())
    frame = pd.DataFrame({"image": [cells[0], None, *cells[1:]], "label": [0, 0, 1, 0, 1]})
    frame.to_parquet(tmp_path / "t.parquet")
    data = load(tmp_path / "t.parquet", skip_bad=True)
    like = encoder_for(data).fit(data.raw)
    rows = read_inputs(tmp_path / "t.parquet", like, skip_bad=True)
    assert torch.equal(rows.raw, data.raw)
    assert rows.frame["label"].tolist() == [0, 1, 0, 1]
    for notes in (data.notes, rows.notes):
        assert any("1 rows without image bytes are left out (first: row 2)" in note for note in notes)
    for read in (lambda: load(tmp_path / "t.parquet"), lambda: read_inputs(tmp_path / "t.parquet", like)):
        with pytest.raises(ValueError, match="column 'image', row 2: no image bytes"):
            read()
