"""Dataset: rows as they were read, their labels, and what was noticed while reading."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from longtail.data.beside import Beside
from longtail.inputs import SparseRows
from longtail.kinds import Kind, kind_of
from longtail.labels import Labels
from longtail.metrics import Scheme


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Raw rows and their labels. Make one with :func:`longtail.data.load`, or :meth:`of` from rows in memory.

    Attributes:
        name: for display.
        kind: "image", "text", "table", "embedding" or "token".
        raw: images as uint8 ``[N, 3, H, W]`` (0..255), or :class:`ImageFiles` where sizes differ; text as
            ``list[str]``, or :class:`SparseRows` that are features already; a table as a ``pandas.DataFrame`` of
            feature columns; embeddings as float32 ``[N, d]``; tokens as :class:`longtail.kinds.token.Sentences`.
        labels: one label a row.
        duplicate_of: int64 ``[N]``, equal for rows whose input is the same, whatever their label.
        notes: what was detected and done, in plain words.
        fingerprint: SHA-256 of rows and labels; the name and the notes do not enter.
        unlabelled: further rows like ``raw``, without labels, for recipes that learn from them; None is none.
        reading: what a model must remember of how the rows were read: the column of labels ("label"), and cells that
            mean "no value" ("missing"); of svmlight, the number of the first feature ("first_feature").
        path: where the rows were read from, as the caller wrote it; empty for what was in memory.
        asked: the reading options that the caller gave, as plain values: with them ``path`` reads the same again.
        beside: groups, times and parts of the rows, where they have some; they are no inputs. And columns of costs.
    """

    name: str
    kind: str
    raw: Any
    labels: Labels
    duplicate_of: Tensor
    notes: tuple[str, ...]
    fingerprint: str
    unlabelled: Any = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    beside: Beside = field(default_factory=Beside)
    path: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, kind: str, raw: Any, labels: Labels, notes: Iterable[str] = ()) -> Dataset:
        """A dataset from rows in memory; finds the duplicates and the fingerprint.

        Raises:
            ValueError: an unknown kind, or another number of rows than labels.

        >>> rows = Dataset.of("toy", "text", ["good", "bad", "good"], Labels.of([1, 0, 1]))
        >>> rows.duplicate_of.tolist()
        [0, 1, 0]
        """
        found = kind_of(kind)
        if len(raw) != len(labels):
            raise ValueError(f"raw has {len(raw)} rows and labels has {len(labels)}")
        groups, content = identities(found, raw)
        h = hashlib.sha256(f"{kind} {labels.fingerprint} ".encode())
        h.update(content)
        return cls(name, kind, raw, labels, groups, tuple(notes), h.hexdigest())

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        classes, imbalance = self.labels.num_classes, self.labels.classes.imbalance
        return f"Dataset({self.name!r}: {self.kind}, {len(self):,} rows, {classes} classes, imbalance {imbalance:.3g})"

    @property
    def costs_of(self) -> Mapping[str, Tensor]:
        """What columns say of the cost of a decision in each row, float64 ``[N]`` by name."""
        return self.beside.costs

    @property
    def scheme(self) -> Scheme | None:
        """What the classes say as tags of entities; None where rows are no tokens, or classes no such tags."""
        return None if self.beside.sequence is None else Scheme.of(self.labels.names)

    def take(self, index: Tensor) -> Dataset:
        """The rows at ``index`` (int64), in that order; the classes and the groups of duplicates stay."""
        h = hashlib.sha256(self.fingerprint.encode() + index.to(torch.int64).numpy().tobytes())
        return replace(
            self,
            raw=select(self.raw, index),
            labels=self.labels.take(index),
            duplicate_of=self.duplicate_of[index],
            beside=self.beside.take(index),
            fingerprint=h.hexdigest(),
        )

    def with_unlabelled(self, raw: Any) -> Dataset:
        """The same rows, and ``raw`` beside them, without labels.

        >>> rows = Dataset.of("toy", "text", ["good", "bad"], Labels.of([1, 0])).with_unlabelled(["fine"])
        >>> rows.take(torch.tensor([0])).unlabelled
        ['fine']
        """
        _, content = identities(kind_of(self.kind), raw)
        h = hashlib.sha256(self.fingerprint.encode() + b" unlabelled " + content)
        note = f"{len(raw)} rows without labels beside them"
        return replace(self, unlabelled=raw, notes=(*self.notes, note), fingerprint=h.hexdigest())


def select(raw: Any, index: Tensor) -> Any:
    """Rows of a dataset's ``raw``, whatever its kind.

    >>> select(["a", "b", "c"], torch.tensor([2, 0]))
    ['c', 'a']
    """
    if isinstance(raw, Tensor | SparseRows):
        return raw[index]
    if isinstance(raw, list):
        return [raw[i] for i in index.tolist()]
    if hasattr(raw, "iloc"):
        return raw.iloc[index.numpy()].reset_index(drop=True)
    return raw.take(index)


def identities(kind: Kind, raw: Any) -> tuple[Tensor, bytes]:
    """The group of each row (numbered by first appearance), and bytes that identify all rows in order."""
    import numpy as np
    import pandas as pd

    keys = kind.keys(raw)
    groups = torch.from_numpy(pd.factorize(keys)[0].astype(np.int64))
    return groups, kind.shape(raw).encode() + keys.tobytes()


def encoder_for(dataset: Dataset) -> Any:
    """The encoder class of a dataset's rows.

    >>> from longtail.data import load
    >>> encoder_for(load("digits-lt")).__name__
    'ImageEncoder'
    """
    return kind_of(dataset.kind).encoder(dataset.raw)


def giveaways(dataset: Dataset) -> tuple[str, ...]:
    """Columns that give the label away, a line for each sort: :func:`longtail.kinds.table.giveaways.giveaways`."""
    return kind_of(dataset.kind).giveaways(dataset.raw, dataset.labels)
