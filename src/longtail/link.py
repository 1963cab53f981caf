"""Link: what the outputs of a net mean, and how a prior moves them.

=========  ==========================================================  ==============================================
link       outputs                                                     prior
=========  ==========================================================  ==============================================
softmax    one class per row: ``p = softmax(z)``                       one distribution over the classes, ``log p``
sigmoid    several labels per row: ``p_c = sigmoid(z_c)``              one Bernoulli per label, ``log p - log(1 - p)``
=========  ==========================================================  ==============================================

Under either, ``z + evidence(to) - evidence(assumed)`` are the logits under another prior: Saerens, Latinne &
Decaestecker, Neural Computation 2002, for classes; Elkan, IJCAI 2001, theorem 2, for one label. That is exact where the
rows of a class, or with a label, look the same wherever the model is used.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from longtail.classes import Classes, floored


class Link(Protocol):
    """Logits ``[N, C]`` to probabilities, and a prior to what it adds to logits."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Of each class, or of each label, like the logits."""
        ...

    def evidence(self, prior: Tensor) -> Tensor:
        """What a prior ``[C]`` adds to the logits, ``[C]``; minus infinity for a class that cannot be."""
        ...

    def floored(self, prior: Tensor) -> Tensor:
        """A prior without what training never saw, so that its evidence is finite."""
        ...


class Softmax:
    """One class per row."""

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.softmax(logits, -1)

    def evidence(self, prior: Tensor) -> Tensor:
        return prior.log()

    def floored(self, prior: Tensor) -> Tensor:
        """A class without an example counts as the rarest that has one."""
        return floored(prior)


class Sigmoid:
    """Several labels per row, each a question of its own.

    >>> SIGMOID.evidence(torch.tensor([0.5, 0.2])).tolist()
    [0.0, -1.3862943649291992]
    """

    def probabilities(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits)

    def evidence(self, prior: Tensor) -> Tensor:
        return prior.log() - (1 - prior).log()

    def floored(self, prior: Tensor) -> Tensor:
        """A label that no row has counts as rare as the rarest, one that every row has as frequent as the next.

        >>> SIGMOID.floored(torch.tensor([1.0, 0.75, 0.25, 0.0])).tolist()
        [0.75, 0.75, 0.25, 0.25]
        """
        held = floored(prior)
        return torch.where(held < 1, held, 1 - floored(1 - held))


SOFTMAX, SIGMOID = Softmax(), Sigmoid()


def link_of(classes: Classes) -> Link:
    """The link of the outputs for these classes."""
    return SIGMOID if classes.several else SOFTMAX
