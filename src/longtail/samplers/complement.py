"""How many new images of each class the bag of tricks makes from class activation maps: the sampling half of the pair.

Zhang et al., *Bag of tricks for long-tailed visual recognition with deep convolutional neural networks*, AAAI 2021,
section 4.3. Class j gets G_j = n_max + n_min - n_j new images, each made from a random original of the class, so that
every class ends with n_max + n_min. ``longtail.augment.move_foreground`` makes them.

| paper | here |
|---|---|
| G_j on CIFAR | default |
| classes with 100 images or more get none, the others at most 100 (ImageNet-LT) | ``threshold=100`` |

*Differs from the authors' code in* nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from longtail.labels import Labels
from longtail.samplers import drawn
from longtail.samplers.cycles import spread
from longtail.samplers.drawn import check_draws, check_size, examples, join


class Complement:
    """Indices of the originals to make new images from: G_j random ones of class j, with replacement, in class order.

    Args:
        threshold: None, or the count from which on a class gets none and the largest number of new images of one.

    Raises:
        ValueError: ``threshold`` is below 1.

    >>> labels = Labels.of([0, 0, 0, 1])
    >>> labels.y[Complement()(labels, torch.Generator().manual_seed(0))].bincount().tolist()
    [1, 3]
    """

    def __init__(self, threshold: int | None = None) -> None:
        self.threshold = None if threshold is None else check_draws("threshold", threshold)

    def counts(self, labels: Labels) -> Tensor:
        """G_j, int64 ``[C]``; 0 for a class without examples.

        Raises:
            ValueError: all are 0.
        """
        n = labels.counts
        g = n.max() + n[n > 0].min() - n
        if self.threshold is not None:
            g = torch.where(n < self.threshold, g.clamp(max=self.threshold), 0)
        g = torch.where(n > 0, g, 0)
        if not bool(g.any()):
            raise ValueError(
                f"threshold={self.threshold}: no class has fewer examples, so there is nothing to draw"
            )
        return g

    def stream_prior(self, labels: Labels, t: float = 0.0) -> Tensor:
        """Class frequencies of the new images, exact, float64 ``[C]``."""
        g = self.counts(labels).double()
        return g / g.sum()

    def size(self, labels: Labels, t: float = 0.0) -> int:
        """New images."""
        return int(self.counts(labels).sum())

    def chunks(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        end = self.counts(labels).cumsum(0)
        classes, total = torch.arange(labels.num_classes), int(end[-1])
        check_size(total, f"threshold={self.threshold} for {labels.num_classes} classes", len(labels))
        for begin in range(0, total, drawn.CHUNK):
            # Of the new images of all classes so far, those up to here.
            upto = end.clamp(begin, begin + drawn.CHUNK)
            c = spread(classes, upto.diff(prepend=torch.tensor([begin])))
            yield examples(labels, c, generator)

    def __call__(self, labels: Labels, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return join(self.chunks(labels, generator, t), self.size(labels, t))
