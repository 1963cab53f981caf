"""Suited: one augmentation for images, another for rows of features, so that a recipe with views fits both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor


class Suited:
    """``images`` for images ``[B, C, H, W]``; ``rows`` for features ``[B, d]`` and sparse rows.

    Args:
        images, rows: augmentations ``(x, generator) -> x``.

    >>> from longtail.augment import Corrupt, CropFlip
    >>> view = Suited(images=CropFlip(pad=1), rows=Corrupt(0.5))
    >>> [view(x, torch.Generator()).shape for x in (torch.zeros(2, 3, 8, 8), torch.zeros(2, 5))]
    [torch.Size([2, 3, 8, 8]), torch.Size([2, 5])]
    """

    routes: ClassVar[dict[str, frozenset[str]]] = {
        "images": frozenset({"image"}),
        "rows": frozenset({"rows", "sparse", "tokens"}),
    }

    def __init__(
        self,
        images: Callable[[Tensor, torch.Generator], Tensor],
        rows: Callable[[Any, torch.Generator], Any],
    ) -> None:
        self.images, self.rows = images, rows

    def __call__(self, x: Any, generator: torch.Generator) -> Any:
        return (self.images if isinstance(x, Tensor) and x.dim() == 4 else self.rows)(x, generator)
