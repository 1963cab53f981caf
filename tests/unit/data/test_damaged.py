"""Damaged files that once ended badly; ``tests/fuzz/test_readers.py`` makes them by the thousand."""

from __future__ import annotations

import io

import numpy as np
import pytest

from longtail.data import load


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
