"""Damaged files of every format, to learn from and to predict: each is read, or refused in one line that names it.

What is read is sound: a label in range for every row, inputs that the encoder takes, probabilities that sum to 1.
"""

from __future__ import annotations

import gzip
import io
import random
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save
from torch import Tensor

from longtail import api
from longtail.data import encoder_for, load

FRAME = pd.DataFrame(
    {
        "size": np.arange(24) / 4,
        "colour": ["red", "blue", "red"] * 8,
        "day": pd.date_range("2020-01-30", periods=24).strftime("%Y-%m-%d"),
        "text": [f'some "text", {i}; a' for i in range(24)],
        "label": list("aab") * 8,
    }
)
TOKENS = (
    b'"', b",", b"\n", b"\0", b";", b"{", b"}", b"[", b"]", b":", b"NaN", b"null", b"1e999", b"\xff", b"\xef\xbb\xbf",
    b"#", b"sep=", b"@data", b"'", b"\t", b"\r", b"-", b"0", b"label", b"\\", b"\x1b[31m", b"1,163.74", b"=1+1",
    b"\xff\xfe", b"12 %", b"2020-13-45", b"\x00\x00\x00\x00", b"9" * 60, b"PAR1", b"@attribute x {", b"None",
)  # fmt: skip


def packed(put: Any) -> bytes:
    out = io.BytesIO()
    put(out)
    return out.getvalue()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("t.csv", data)
    return out.getvalue()


X, Y = np.random.default_rng(0).normal(size=(24, 3)).astype("float32"), np.arange(24) % 3 % 2
ARFF = b"@relation t\n@attribute size numeric\n@attribute colour {red,blue}\n@attribute label {a,b}\n@data\n"
CSV = FRAME.to_csv(index=False).encode()
PICTURE = packed(
    lambda out: Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(out, "png")
)
JPEG = packed(lambda out: Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(out, "jpeg"))
WHOLE = {
    "a.csv": CSV,
    "b.tsv": FRAME.to_csv(index=False, sep="\t").encode(),
    "semicolon.csv": FRAME.to_csv(index=False, sep=";", decimal=",").encode(),
    "latin.csv": FRAME.replace("red", "r\xe9d").to_csv(index=False).encode("latin-1"),
    "c.json": FRAME.to_json(orient="records").encode(),
    "d.json": FRAME.to_json(orient="split").encode(),
    "columns.json": FRAME.to_json(orient="columns").encode(),
    "e.jsonl": FRAME.to_json(orient="records", lines=True).encode(),
    "f.parquet": packed(FRAME.to_parquet),
    "g.feather": packed(FRAME.to_feather),
    "h.npz": packed(lambda out: np.savez(out, x=X, y=Y)),
    "x.safetensors": save({"x": X, "y": Y}),
    "i.arff": ARFF + b"1.5,red,a\n?,blue,b\n{0 3,1 blue,2 b}\n" * 6,
    "k.dat": ARFF.replace(b"@data", b"@inputs size, colour\n@outputs label\n@data") + b"1.5, red, a\n2, blue, b\n" * 9,
    "j.svm": b"1 1:0.5 3:2\n-1 2:1\n" * 8,
    "k.data": b"AAT  0.49  0.29  cp\nACE  0.07  0.40  im\n" * 8,
    "l.csv.gz": gzip.compress(CSV),
    "z.csv.zip": zipped(CSV),
    "m.label": b"A:b How far is it ?\nC:d Who, was ?\nA:b How ?\n" * 9,
    "n.xlsx": packed(lambda out: FRAME.to_excel(out, index=False)),
}  # fmt: skip


def damaged(whole: bytes, rng: random.Random) -> bytes:
    data = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        i = rng.randrange(max(1, len(data)))
        j = min(len(data), i + rng.randrange(1, 40))
        how = rng.randrange(5)
        if how == 0:
            del data[i:]
        elif how == 1:
            del data[i:j]
        elif how == 2:
            data[i:j] = data[i:j] * rng.randrange(2, 4)
        elif how == 3 and data:
            data[min(i, len(data) - 1)] = rng.randrange(256)
        else:
            data[i : rng.choice([i, j])] = rng.choice(TOKENS)
    return bytes(data)


def refused(call: Any, file: Path, *given: Any) -> bool:
    """Was it refused? Anything but a ValueError goes through."""
    said = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call(*given)
    except ValueError as why:
        said = str(why)
    assert said is None or (str(file) in said and "\n" not in said), said
    return said is not None


def learn(path: Path, how: dict[str, Any]) -> None:
    data = load(path, **how)
    y = data.labels.y
    assert len(y) == len(data) > 0
    assert int(y.min()) >= 0
    assert int(y.max()) < data.labels.num_classes == len(data.labels.names)
    x = encoder_for(data).fit(data.raw)(data.raw)
    values = x if isinstance(x, Tensor) else x.values
    assert len(x) == len(y)
    assert not values.is_floating_point() or bool(values.isfinite().all())


def ask(model: Any, path: Path) -> None:
    said = api.predict(model, path, say=lambda note: None)
    p = said[[c for c in said.columns if c.startswith("p_")]].to_numpy(dtype=float)
    assert len(p) > 0
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-4)


def fuzz(folder: Path, models: list[Any], name: str, seeds: range) -> int:
    """How many were read."""
    read, path = 0, folder / name
    for seed in seeds:
        rng = random.Random(f"{name} {seed}")
        path.write_bytes(damaged(WHOLE[name], rng))
        how = rng.choice(
            [{}, {}, {"skip_bad": True}, {"label": "label"}, {"kind": "table"}, {"kind": "text"}]
        )
        how = {} if name in ("j.svm", "h.npz", "x.safetensors") and "label" in how else how
        try:
            read += not refused(learn, path, path, how)
            refused(ask, path, rng.choice(models), path)
        except Exception as why:
            raise AssertionError(f"{name} {seed} {how}: {type(why).__name__}: {why}") from why
    return read


@pytest.fixture(scope="module")
def models() -> list[Any]:
    """Of a table, of texts, of embeddings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            api.train(FRAME[["size", "colour", "day", "label"]], recipe="logistic", label="label"),
            api.train((FRAME["text"], FRAME["label"]), recipe="logistic"),
            api.train((X, Y), kind="embedding", recipe="logistic"),
        ]


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_read(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(WHOLE[name])
    learn(tmp_path / name, {})


@pytest.mark.parametrize("name", WHOLE)
def test_damaged_files(tmp_path, models, name) -> None:
    assert fuzz(tmp_path, models, name, range(25)) < 25


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_thousands_of_damaged_files(tmp_path, models, name) -> None:
    fuzz(tmp_path, models, name, range(1000, 1150))


def pictures(folder: Path, seeds: range) -> int:
    """Damaged pictures among whole ones: refused by name, or left out and counted."""
    read = 0
    for cls in ("cat", "dog"):
        (folder / cls).mkdir()
        for k in range(3):
            (folder / cls / f"{k}.png").write_bytes(PICTURE)
    for seed in seeds:
        rng = random.Random(seed)
        bad = folder / "cat" / rng.choice(["bad.png", "bad.jpg", "bad.gif"])
        bad.write_bytes(damaged(rng.choice([PICTURE, JPEG]), rng))
        was_refused = refused(learn, folder, folder, {})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data = load(folder, skip_bad=True)
        assert len(data) == (6 if was_refused else 7), seed
        assert was_refused == any(bad.name in note for note in data.notes), (seed, data.notes)
        read += not was_refused
        bad.unlink()
    return read


def test_damaged_pictures(tmp_path) -> None:
    assert 0 < pictures(tmp_path, range(60)) < 60


@pytest.mark.slow
def test_thousands_of_damaged_pictures(tmp_path) -> None:
    pictures(tmp_path, range(1000, 2000))
