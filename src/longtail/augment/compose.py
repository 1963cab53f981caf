"""Several augmentations one after another, or side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Augment = Callable[[Tensor, torch.Generator], Tensor]


class Compose:
    """Each part in turn.

    Args:
        parts: augmentations ``(x, generator) -> x``.

    >>> from longtail.augment import CropFlip, Cutout
    >>> both = Compose((CropFlip(), Cutout(4)))
    >>> both(torch.ones(2, 3, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 8, 8])
    """

    def __init__(self, parts: Sequence[Augment]) -> None:
        self.parts = tuple(parts)

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        for augment in self.parts:
            x = augment(x, generator)
        return x


class Views:
    """One view of the batch from each part, for methods that compare views: a tuple of batches.

    Args:
        parts: augmentations; the same one twice gives two draws of it.

    Raises:
        ValueError: no part.

    >>> from longtail.augment import CropFlip
    >>> two = Views((CropFlip(), CropFlip()))
    >>> weak, strong = two(torch.ones(2, 3, 8, 8), torch.Generator().manual_seed(0))
    >>> weak.shape == strong.shape
    True
    """

    def __init__(self, parts: Sequence[Augment]) -> None:
        if not parts:
            raise ValueError(f"parts={parts!r} must hold at least one augmentation")
        self.parts = tuple(parts)

    def __call__(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        return tuple(augment(x, generator) for augment in self.parts)
