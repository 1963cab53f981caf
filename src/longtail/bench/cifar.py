"""CIFAR-LT: the long-tailed training rows and the balanced test rows, from local parquet or from the Hub.

The counts are exact (``data.imbalance``). Which images: from a file that holds all of CIFAR, subset 0 draws as the
published subsets do (NumPy's legacy generator, seed 0), which gives their images where the rows are in CIFAR's own order.
From a file that is long-tailed already, subset 0 is the first rows of each class; other subsets draw from what is there,
so the largest class has no other images to give, and at the file's own imbalance no class has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from longtail.data import Dataset, choose_first, choose_random, exponential_counts, load
from longtail.kinds import IMAGE, kind_of
from longtail.labels import Labels

CLASSES = {"cifar10-lt": 10, "cifar100-lt": 100}
HUB = {"cifar10-lt": "uoft-cs/cifar10", "cifar100-lt": "uoft-cs/cifar100"}


@dataclass(frozen=True, eq=False)
class CifarLT:
    """A benchmark's images.

    Attributes:
        name: "cifar10-lt" or "cifar100-lt".
        dataset: the training pool, then the test images.
        pool: how many of its rows are the training pool.
    """

    name: str
    dataset: Dataset
    pool: int

    @property
    def test_rows(self) -> Tensor:
        """The whole balanced test set, int64."""
        return torch.arange(self.pool, len(self.dataset))

    @property
    def pool_labels(self) -> Labels:
        return self.dataset.labels.take(torch.arange(self.pool))

    @property
    def whole(self) -> bool:
        """Is the pool balanced, as CIFAR is?"""
        counts = self.pool_labels.counts
        return bool(counts.min() == counts.max())

    def train_rows(self, imbalance: float, subset: int = 0) -> Tensor:
        """Sorted rows of a long-tailed training set, int64 ``[N]``; equal sets are equal, whatever the subset's number.

        Raises:
            ValueError: the file is more long-tailed than that.
        """
        labels = self.pool_labels
        counts = exponential_counts(int(labels.counts.max()), labels.num_classes, imbalance)
        if subset == 0 and not self.whole:
            return choose_first(labels, counts)
        return choose_random(labels, counts, subset).sort().values

    def left_out(self, rows: Tensor) -> Tensor:
        """Rows of the pool that are not among ``rows``: images that a semi-supervised recipe may see, without labels."""
        rest = torch.ones(self.pool, dtype=torch.bool)
        rest[rows] = False
        return rest.nonzero().squeeze(1)


def read_cifar(name: str, data: str | Path) -> CifarLT:
    """Read a benchmark.

    Args:
        name: "cifar10-lt" or "cifar100-lt".
        data: a folder with train and test parquet in the Hugging Face schema (or any folder of data ``load`` reads with
            these parts), or "hub", which fetches it from the Hugging Face Hub.

    Raises:
        ValueError: no such benchmark; another number of classes; a test set that is not balanced.
        ImportError: "hub" without huggingface_hub.
    """
    if name not in CLASSES:
        raise ValueError(f"benchmark={name!r} must be one of {', '.join(CLASSES)}")
    folder = from_hub(name) if str(data) == "hub" else Path(data)
    train, test = load(folder, split="train", name=name), load(folder, split="test", name=name)
    for part in (train, test):
        if kind_of(part.kind) is not IMAGE or part.labels.num_classes != CLASSES[name]:
            found = f"{part.kind} data with {part.labels.num_classes} classes"
            raise ValueError(f"{folder}: {found}; {name} has images in {CLASSES[name]} classes")
    if train.labels.names != test.labels.names:
        raise ValueError(f"{folder}: the classes of train and test differ")
    counts = test.labels.counts
    if counts.min() != counts.max():
        raise ValueError(
            f"{folder}: the test set has {int(counts.min())} to {int(counts.max())} images a class; the benchmark "
            "tests on the whole balanced test set"
        )
    labels = Labels.of(torch.cat([train.labels.y, test.labels.y]), train.labels.names)
    notes = [f"{len(train)} images to draw the training set from, {len(test)} to test on"]
    if int(train.labels.counts.max()) != 50_000 // CLASSES[name]:
        full = 50_000 // CLASSES[name]
        notes.append(f"the largest class has {int(train.labels.counts.max())} images, not {full}: not {name}")
    both = Dataset.of(name, IMAGE.name, torch.cat([train.raw, test.raw]), labels, notes)
    return CifarLT(name, both, len(train))


def from_hub(name: str) -> Path:
    """Fetch the parquet files of a benchmark from the Hugging Face Hub; the folder they are in."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as why:
        raise ImportError(
            "--data hub needs huggingface_hub: install it, or name a folder with train and test parquet"
        ) from why
    root = Path(snapshot_download(HUB[name], repo_type="dataset", allow_patterns=["*.parquet"]))
    found = sorted(root.rglob("train*.parquet"))
    if not found:
        raise ValueError(f"{HUB[name]} holds no train*.parquet; name a folder with train and test parquet")
    return found[0].parent
