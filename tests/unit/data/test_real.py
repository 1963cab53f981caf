"""The real files, in the form in which they are published."""

from __future__ import annotations

import pytest
import torch

from longtail.comparison.folds import folds
from longtail.data import TableEncoder, TextEncoder, load


def test_restaurant_reviews(real) -> None:
    data = load(real("o2o-food-safety/train.tsv"))
    assert (data.kind, len(data), data.labels.counts.tolist()) == ("text", 10_000, [8489, 1511])
    assert data.raw[0] == "一如既往地好吃，希望可以开到其他城市"
    encoder = TextEncoder.fit(data.raw[:2000])
    assert encoder.terms[0].analyzer == "char"


@pytest.mark.parametrize("part, first", [("dev.txt", "体验2D巅峰"), ("test.txt", "")])
def test_news_titles_without_a_header(real, part, first) -> None:
    data = load(real("thucnews") / part)
    assert (data.kind, data.labels.counts.tolist()) == ("text", [1000] * 10)
    assert data.raw[0].startswith(first)
    assert data.labels.names[:3] == ("finance", "realty", "stocks")


def test_mammography(real) -> None:
    data = load(real("mammography"))
    assert (data.kind, len(data), data.labels.names) == ("table", 11_183, ("-1", "1"))
    assert data.labels.counts.tolist() == [10_923, 260]
    assert list(data.raw.columns) == [f"f{i}" for i in range(6)]
    assert all(str(t) == "float64" for t in data.raw.dtypes)
    assert TableEncoder.fit(data.raw).num_features == 6
    # One input occurs 3,329 times: its fold is larger, the others are even, and every class is spread.
    tests = [
        data.labels.take(test).counts.tolist() for _, test in folds(data.labels, data.duplicate_of, 5, 0)
    ]
    assert sorted(n for _, n in tests) == [52] * 5
    assert sorted(n for n, _ in tests) == [1900, 1900, 1900, 1901, 3322]


def test_white_wine(real) -> None:
    data = load(real("winequality-white/winequality-white.csv"))
    assert (data.kind, data.labels.names) == ("table", ("3", "4", "5", "6", "7", "8", "9"))
    assert data.labels.counts.tolist() == [20, 163, 1457, 2198, 880, 175, 5]
    assert data.raw.shape == (4898, 11)
    assert data.raw.iloc[0].tolist() == [7, 0.27, 0.36, 20.7, 0.045, 45, 170, 1.001, 3, 0.45, 8.8]


def test_cifar10_lt(real) -> None:
    data = load(real("cifar10-lt"), imbalance=100)
    assert data.labels.counts.tolist() == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert (tuple(data.raw.shape), data.raw.dtype) == ((12_406, 3, 32, 32), torch.uint8)
    assert data.labels.names[0] == "airplane"
    means = data.raw.float().mean((0, 2, 3)) / 255
    assert torch.allclose(means, torch.tensor([0.4914, 0.4822, 0.4465]), atol=0.05)  # sky and sea: more blue
    test = load(real("cifar10-lt"), split="test")
    assert test.labels.counts.tolist() == [1000] * 10


def test_cifar100_lt(real) -> None:
    data = load(real("cifar100-lt/test.parquet"))
    assert data.labels.num_classes == 100
    assert data.labels.names[:2] == ("apple", "aquarium_fish")
    assert data.name == "cifar100-lt"


@pytest.mark.parametrize(
    "name, kind, shape, classes",
    [
        ("own-trec/train_5500.label", "text", 5444, 51),
        ("own-ann-thyroid/ann-train.data", "table", (3772, 21), 3),
        ("cost-german/german.data", "table", (1000, 20), 2),
        ("grp-wisdm/WISDM_ar_v1.1_transformed.arff", "table", (5418, 45), 6),
        ("ts-ozone/eighthr.data", "table", (2534, 73), 2),
        ("own-occupancy/datatraining.txt", "table", (8143, 6), 2),
        ("ml-yeast/yeast-train.arff", "table", (1500, 116), 2),
    ],
)  # fmt: skip
def test_files_of_the_field_need_no_option(real, name, kind, shape, classes) -> None:
    data = load(real(name))
    assert (data.kind, data.labels.num_classes) == (kind, classes)
    assert (len(data) if kind == "text" else data.raw.shape) == shape


def test_detection_data_are_named_as_such(real) -> None:
    with pytest.raises(ValueError, match="a COCO folder: boxes on pictures"):
        load(real("det-aquarium"))
    with pytest.raises(ValueError, match="a COCO file: boxes on pictures"):
        load(real("det-aquarium") / "annotations" / "valid.json")
