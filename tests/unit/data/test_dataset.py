from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from longtail.data import Dataset, ImageFiles, inspect_facts, load
from longtail.labels import Labels

TABLE = pd.DataFrame({"a": [1.0, np.nan, 1.0, np.nan], "b": ["x", None, "x", "y"]})
RAW = {
    "table": TABLE,
    "text": ["p", "q", "p", "r"],
    "embedding": torch.tensor([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [0.0, 0.0]]),
    "image": torch.tensor([1, 2, 1, 0], dtype=torch.uint8)[:, None, None, None].expand(4, 3, 2, 2),
    "files": ImageFiles((b"a", b"b", b"a", b"c"), ((1, 1),) * 4, (5, 6, 5, 7)),
}


def dataset(name: str, y: tuple[int, ...] = (0, 1, 0, 1)) -> Dataset:
    return Dataset.of("d", "image" if name == "files" else name, RAW[name], Labels.of(list(y)))


@pytest.mark.parametrize("name", RAW)
def test_equal_rows_share_a_group(name) -> None:
    assert dataset(name).duplicate_of.tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize("name", RAW)
def test_the_fingerprint_follows_rows_and_labels(name) -> None:
    data = dataset(name)
    assert data.fingerprint == dataset(name).fingerprint
    assert data.fingerprint != dataset(name, (0, 1, 1, 1)).fingerprint
    swapped = data.take(torch.tensor([1, 0, 2, 3]))
    again = Dataset.of("d", data.kind, swapped.raw, Labels.of([0, 1, 0, 1]))
    assert len({data.fingerprint, again.fingerprint, swapped.fingerprint}) == 3


@pytest.mark.parametrize("name", RAW)
def test_take(name) -> None:
    part = dataset(name).take(torch.tensor([3, 0]))
    assert len(part) == len(part.raw) == 2
    assert part.labels.y.tolist() == [1, 0]
    assert part.duplicate_of.tolist() == [2, 0]
    assert part.labels.num_classes == 2
    if name == "table":
        assert part.raw["b"].tolist() == ["y", "x"]
        assert part.raw.index.tolist() == [0, 1]


def test_a_dataset_that_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match="raw has 4 rows and labels has 1"):
        Dataset.of("d", "text", RAW["text"], Labels.of([0]))
    with pytest.raises(ValueError, match="kind='sound'"):
        Dataset.of("d", "sound", RAW["text"], Labels.of([0] * 4))


def test_inspect_counts_and_warns() -> None:
    raw = pd.DataFrame({"a": [1.0] * 3 + list(range(2, 27)) + [np.nan], "still": 1.0})
    labels = Labels.of([0] * 2 + [1] + [0] * 22 + [1] * 2 + [2] + [3], ["w", "x", "y", "z"], 4)
    data = Dataset.of("d", "table", raw, labels)
    facts = inspect_facts(data, many=20, few=3)
    assert facts["counts"] == [24, 3, 1, 1]
    assert facts["groups"] == {"many": ["w"], "medium": ["x"], "few": ["y", "z"]}
    assert (facts["duplicate_rows"], facts["contradicting_rows"]) == (2, 3)
    text = "\n".join(facts["warnings"])
    expected = (
        "a single example: class y, z",
        "1 classes have 2 to 4",
        "2 rows repeat",
        "3 rows have the input of a row",
        "constant columns, which carry nothing: still",
        "missing values: a (1)",
    )
    for words in expected:
        assert words in text, text
    json.dumps(facts)


def test_inspect_says_nothing_where_nothing_is_wrong() -> None:
    facts = inspect_facts(load("digits-lt"))
    assert facts["warnings"] == []
    assert facts["imbalance"] == 174 / 8


def test_importing_the_readers_imports_no_framework() -> None:
    others = ("pandas", "sklearn", "PIL", "pyarrow", "scipy", "safetensors")
    code = f"import sys, longtail.data, longtail.comparison.folds; print([m for m in {others} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
