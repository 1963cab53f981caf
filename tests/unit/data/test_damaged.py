"""Damaged files of every format are read, or refused in words that name the file: nothing else."""

from __future__ import annotations

import gzip
import io
import random

import numpy as np
import pandas as pd
import pytest

from longtail.data import TableEncoder, TextEncoder, load, load_inputs

FRAME = pd.DataFrame(
    {
        "size": np.arange(24) / 4,
        "colour": ["red", "blue", "red"] * 8,
        "text": [f'some "text", {i}; a' for i in range(24)],
        "label": list("aab") * 8,
    }
)
TOKENS = (
    b'"', b",", b"\n", b"\0", b";", b"{", b"}", b"[", b"]", b":", b"NaN", b"null", b"1e999", b"\xff", b"\xef\xbb\xbf",
    b"#",
    b"sep=", b"@data", b"'", b"\t", b"\r", b"-", b"0", b"label", b"\\", b"\x1b[31m",
)  # fmt: skip


def packed(put) -> bytes:
    out = io.BytesIO()
    put(out)
    return out.getvalue()


WHOLE = {
    "a.csv": FRAME.to_csv(index=False).encode(),
    "b.tsv": FRAME.to_csv(index=False, sep="\t").encode(),
    "c.json": FRAME.to_json(orient="records").encode(),
    "d.json": FRAME.to_json(orient="split").encode(),
    "e.jsonl": FRAME.to_json(orient="records", lines=True).encode(),
    "f.parquet": packed(FRAME.to_parquet),
    "g.feather": packed(FRAME.to_feather),
    "h.npz": packed(lambda out: np.savez(out, x=np.ones((10, 3)), y=np.arange(10) % 2)),
    "i.arff": b"@relation t\n@attribute a numeric\n@attribute class {p,n}\n@data\n"
    + b"1.5,p\n?,n\n{0 3,1 n}\n" * 6,
    "j.svm": b"1 1:0.5 3:2\n-1 2:1\n" * 8,
    "k.data": b"AAT  0.49  0.29  cp\nACE  0.07  0.40  im\n" * 8,
    "l.csv.gz": gzip.compress(FRAME.to_csv(index=False).encode()),
    "m.label": b"A:b How far is it ?\nC:d Who, was ?\nA:b How ?\n" * 9,
}


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


def refusal_of(call) -> str | None:
    """The words of the error; anything but a ValueError goes through."""
    try:
        call()
    except ValueError as why:
        return str(why)
    return None


@pytest.mark.parametrize("name", WHOLE)
def test_a_damaged_file_is_read_or_refused_by_name(write, name) -> None:
    rng = random.Random(name)
    table, text = TableEncoder.fit(FRAME[["size", "colour"]]), TextEncoder.fit(FRAME["text"].tolist())
    outcomes = {"read": 0, "refused": 0}
    for k in range(25):
        path = write(name, damaged(WHOLE[name], rng))
        for call in (
            lambda path=path, k=k: load(path, skip_bad=bool(k % 2)),
            lambda path=path: load_inputs(path, table),
            lambda path=path: load_inputs(path, text),
        ):
            refusal = refusal_of(call)
            assert refusal is None or str(path) in refusal, refusal
            outcomes["read" if refusal is None else "refused"] += 1
    assert outcomes["refused"] > 0


def test_offsets_out_of_bounds_do_not_end_the_process(write) -> None:
    """Arrow follows the offsets of a column of text as the file has them."""
    import pyarrow as pa

    offsets = pa.py_buffer(np.array([0, 1, 2**40, 3], dtype=np.int64).tobytes())
    words = pa.Array.from_buffers(pa.large_string(), 3, [None, offsets, pa.py_buffer(b"abc")])
    bad = pa.table({"word": words, "label": ["a", "b", "a"]})
    out = io.BytesIO()
    with pa.ipc.new_file(out, bad.schema) as file:
        file.write_table(bad)
    with pytest.raises(ValueError, match=r"t\.feather: columns that cannot be read"):
        load(write("t.feather", out.getvalue()))


def test_blank_files(write) -> None:
    for content in (b"", b" \n\n", b"\x0c\n\x0b\n", b"# only a comment\n"):
        with pytest.raises(ValueError, match=r"t\.csv: .*(empty|blank|comments)"):
            load(write("t.csv", content))
