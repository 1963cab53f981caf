import os
import shutil
import sys
import types
from pathlib import Path

import pytest
import torch

from longtail.bench import read_cifar
from longtail.data import cifar_lt_counts, exponential_counts


@pytest.mark.parametrize("imbalance", [10, 50, 100])
def test_counts_are_exact_and_test_rows_are_apart(whole, tailed, imbalance):
    for folder in (whole, tailed):
        cifar = read_cifar("cifar10-lt", folder)
        rows = cifar.train_rows(imbalance)
        counts = cifar.dataset.labels.take(rows).counts
        assert counts.tolist() == exponential_counts(60, 10, imbalance).tolist()
        assert int(rows.max()) < cifar.pool <= int(cifar.test_rows.min())
        assert len(cifar.test_rows) == 80


def test_subsets_of_a_whole_pool_differ_and_of_a_tailed_one_as_far_as_they_can(whole, tailed):
    full, cut = read_cifar("cifar10-lt", whole), read_cifar("cifar10-lt", tailed)
    assert full.whole
    assert not cut.whole
    assert not torch.equal(full.train_rows(10, 0), full.train_rows(10, 1))
    assert torch.equal(cut.train_rows(10, 0), cut.train_rows(10, 1))  # there is nothing else in the file
    assert not torch.equal(cut.train_rows(100, 0), cut.train_rows(100, 1))
    assert torch.equal(cut.train_rows(100, 1), cut.train_rows(100, 1))


def test_a_heavier_tail_is_inside_a_lighter_one(tailed):
    cifar = read_cifar("cifar10-lt", tailed)
    light, heavy = set(cifar.train_rows(10).tolist()), set(cifar.train_rows(100).tolist())
    assert heavy < light


def test_what_is_not_the_benchmark_is_refused(whole, tailed, tmp_path):
    with pytest.raises(ValueError, match="must be one of cifar10-lt, cifar100-lt"):
        read_cifar("cifar", whole)
    with pytest.raises(ValueError, match="has images in 100 classes"):
        read_cifar("cifar100-lt", whole)
    shutil.copy(tailed / "train.parquet", tmp_path / "train.parquet")
    shutil.copy(tailed / "train.parquet", tmp_path / "test.parquet")
    with pytest.raises(ValueError, match="whole balanced test set"):
        read_cifar("cifar10-lt", tmp_path)
    with pytest.raises(ValueError, match="asks for"):
        read_cifar("cifar10-lt", tailed).train_rows(2)


def test_the_hub_is_asked_only_when_named(whole, monkeypatch):
    asked = []

    def snapshot_download(name, repo_type, allow_patterns):
        asked.append((name, repo_type))
        return str(whole)

    fake = types.ModuleType("huggingface_hub")
    fake.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    read_cifar("cifar10-lt", whole)
    assert not asked
    assert len(read_cifar("cifar10-lt", "hub").test_rows) == 80
    assert asked == [("uoft-cs/cifar10", "dataset")]
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match="--data hub needs huggingface_hub"):
        read_cifar("cifar10-lt", "hub")


@pytest.mark.slow
@pytest.mark.parametrize("name, classes", [("cifar10-lt", 10), ("cifar100-lt", 100)])
def test_the_real_files(name, classes):
    root = os.environ.get("LONGTAIL_DATA")
    if not root:
        pytest.skip("LONGTAIL_DATA is not set: it names the folder of real data sets")
    cifar = read_cifar(name, Path(root) / name)
    assert len(cifar.test_rows) == 10_000
    for imbalance in (100, 50, 10):
        for subset in (0, 1):
            rows = cifar.train_rows(imbalance, subset)
            assert (
                cifar.dataset.labels.take(rows).counts.tolist()
                == cifar_lt_counts(classes, imbalance).tolist()
            )
