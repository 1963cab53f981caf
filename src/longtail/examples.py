"""Examples: rows of input and of truth, ready for the training loop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.source import Source, source_of
from longtail.targets import Targets


@dataclass(frozen=True, eq=False, init=False)
class Examples:
    """What a stage trains on: inputs and targets, one row each.

    Attributes:
        source: the inputs of N examples, wherever they lie; what is in memory may be given as it is.
        targets: what is true of each: :class:`longtail.labels.Labels`, where that is one class.
        name: for display.
        unlabelled: further inputs without a label, for parts that ask for the fact ``unlabelled``.

    Raises:
        ValueError: inputs and labels differ in length.
        TypeError: the inputs are neither a source nor rows in memory.

    >>> import torch
    >>> data = Examples(torch.tensor([[1.0], [2.0], [3.0]]), Labels.of([0, 0, 1]))
    >>> data.source.batch(torch.tensor([2]), "cpu").tolist(), data.targets.batch(torch.tensor([2]), "cpu").tolist()
    ([[3.0]], [1])
    """

    source: Source
    targets: Targets
    name: str
    unlabelled: Source | None

    def __init__(
        self,
        source: Source | Inputs,
        targets: Targets,
        name: str = "",
        unlabelled: Source | Inputs | None = None,
    ) -> None:
        source = source_of(source)
        if len(source) != len(targets):
            raise ValueError(f"x has {len(source)} rows and labels has {len(targets)}")
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "targets", targets)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "unlabelled", None if unlabelled is None else source_of(unlabelled))

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def x(self) -> Inputs:
        """All inputs at once, in memory: ``source.whole()``."""
        return self.source.whole()

    @property
    def labels(self) -> Labels:
        """The targets of rows that have one class each: what can work with no other asks here.

        Raises:
            TypeError: they are others.
        """
        if not isinstance(self.targets, Labels):
            raise TypeError(
                f"the targets are {type(self.targets).__name__}, and one class per row is needed here: Labels"
            )
        return self.targets

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the targets and the inputs: the data's part of a cache key."""
        return self.source.fingerprint(self.targets.fingerprint)

    @cached_property
    def unlabelled_fingerprint(self) -> str | None:
        """SHA-256 over what is unlabelled, for the keys of stages that learn from it; None where there is none."""
        return None if self.unlabelled is None else self.unlabelled.fingerprint("unlabelled")

    def take(self, index: Tensor) -> Examples:
        """The examples at ``index``; the classes and what is unlabelled stay."""
        return Examples(self.source.take(index), self.targets.take(index), self.name, self.unlabelled)
