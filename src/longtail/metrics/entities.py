"""Entities: what tags say in a row: runs of tokens of one type, such as a name of two words.

Read as ``seqeval`` reads them by default (Nakayama, 2018), and the CoNLL-2000 script did: an entity begins at B- or
S-, after E- or S-, after O, and where the type changes, so I- without B- begins one too. It ends before the next that
begins, before O, and at the end of its sentence. U- and L- of BILOU are S- and E-.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

OUTSIDE, BEGIN, INSIDE, END, SINGLE = range(5)
PREFIXES = {"B": BEGIN, "I": INSIDE, "E": END, "L": END, "S": SINGLE, "U": SINGLE}


@dataclass(frozen=True, eq=False)
class Entities:
    """The entities that begin at each row, by the class that stands for their type; -1 where none does. int64 ``[N]``.

    Attributes:
        true: those there are.
        said: those that were decided for.
        right: those that were decided for with the right type, begin and end.
    """

    true: Tensor
    said: Tensor
    right: Tensor

    def take(self, index: Tensor | slice) -> Entities:
        """Those of some rows."""
        return Entities(self.true[index], self.said[index], self.right[index])

    @classmethod
    def joined(cls, parts: Sequence[Entities]) -> Entities:
        """Those of the rows of several parts, one behind the other."""
        return cls(*(torch.cat([getattr(p, name) for p in parts]) for name in ("true", "said", "right")))


@dataclass(frozen=True)
class Scheme:
    """What each class says as a tag.

    Attributes:
        prefix: one of ``PREFIXES`` for each class; ``OUTSIDE`` for O.
        type: for each class, the class that stands for its type: the first of it, its B- where it has one; -1 for O.

    >>> Scheme.of(("B-PER", "I-PER", "O")).type
    (0, 0, -1)
    """

    prefix: tuple[int, ...]
    type: tuple[int, ...]

    @classmethod
    def of(cls, names: Sequence[str]) -> Scheme | None:
        """The scheme of classes of these names; None where some are no tags of entities, or all are O."""
        parts = [name.partition("-") for name in names]
        prefix = [OUTSIDE if name == "O" else PREFIXES.get(p[0], -1) for name, p in zip(names, parts)]
        if -1 in prefix or any(not p[2] for p, kind in zip(parts, prefix) if kind != OUTSIDE):
            return None
        first: dict[str, int] = {}
        order = sorted(range(len(names)), key=lambda k: (prefix[k] != BEGIN, k))
        for k in order:
            if prefix[k] != OUTSIDE:
                first.setdefault(parts[k][2], k)
        stands = tuple(first[p[2]] if kind != OUTSIDE else -1 for p, kind in zip(parts, prefix))
        return cls(tuple(prefix), stands) if first else None

    def entities(self, y: Tensor, decisions: Tensor, sequence: Tensor) -> Entities:
        """The entities of rows, true and decided for.

        Args:
            y, decisions: classes, int64 ``[N]``; the rows of a sequence stand together, in its order.
            sequence: int64 ``[N]``, the number of each row's sequence.

        >>> scheme = Scheme.of(("B-X", "I-X", "O"))
        >>> found = scheme.entities(torch.tensor([0, 1, 2]), torch.tensor([0, 2, 2]), torch.tensor([0, 0, 0]))
        >>> found.true.tolist(), found.said.tolist(), found.right.tolist()
        ([0, -1, -1], [0, -1, -1], [-1, -1, -1])
        """
        new = np.ones(len(y), dtype=bool)
        new[1:] = np.diff(sequence.numpy()) != 0
        true, end = self._begun(y.numpy(), new)
        said, until = self._begun(decisions.numpy(), new)
        right = np.where((true == said) & (end == until), true, -1)
        return Entities(*map(torch.from_numpy, (true, said, right)))

    def orphans(self, y: Tensor, sequence: Tensor) -> int:
        """Entities that begin with I- or E-, though there are tags of B-."""
        if BEGIN not in self.prefix:
            return 0
        new = np.ones(len(y), dtype=bool)
        new[1:] = np.diff(sequence.numpy()) != 0
        begun = self._begun(y.numpy(), new)[0] >= 0
        return int((begun & np.isin(np.array(self.prefix)[y.numpy()], (INSIDE, END))).sum())

    def _begun(self, y: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The type that begins at each row, -1 where none does; and where what is there ends. int64 ``[N]``."""
        prefix, kind = np.array(self.prefix)[y], np.array(self.type)[y]
        before, was = np.roll(prefix, 1), np.roll(kind, 1)
        before[new], was[new] = OUTSIDE, -1
        inside = prefix != OUTSIDE
        begins = inside & (
            np.isin(prefix, (BEGIN, SINGLE)) | np.isin(before, (END, SINGLE, OUTSIDE)) | (kind != was)
        )
        after = np.ones(len(y), dtype=bool)  # does what is here end here?
        after[:-1] = (begins | ~inside | new)[1:]
        last = np.where(after, np.arange(len(y)), len(y))
        end = np.minimum.accumulate(last[::-1])[::-1]
        return np.where(begins, kind, -1).astype(np.int64), end
