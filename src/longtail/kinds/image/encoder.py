"""Images stay what they are, uint8 0..255; sizes that differ are brought to one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from longtail.formats.images import ImageFiles

LARGEST = 8192
"""Pixels of a side that a saved model may ask for."""


@dataclass(frozen=True)
class ImageEncoder:
    """uint8 ``[N, 3, H, W]`` in and out; images of another size are resized (bilinear, antialiased).

    >>> encoder = ImageEncoder.fit(torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    >>> encoder.feature_shape
    (3, 8, 8)
    """

    size: tuple[int, int]
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "image"

    @classmethod
    def fit(
        cls, raw: Tensor | ImageFiles, size: int | tuple[int, int] | None = None, largest: int = 64
    ) -> ImageEncoder:
        """The common size: ``size`` if given, the images' own if they are one tensor, else a square of the
        median shorter side, at most ``largest`` pixels.
        """
        if size is not None:
            chosen = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
            return cls(chosen, (f"images resized to {chosen[0]}x{chosen[1]} pixels",))
        if isinstance(raw, Tensor):
            return cls((int(raw.shape[2]), int(raw.shape[3])))
        shorter = torch.tensor([min(s) for s in raw.sizes])
        side = min(int(shorter.median()), largest)
        return cls((side, side), (f"images of {len(set(raw.sizes))} sizes resized to {side}x{side} pixels",))

    def __call__(self, raw: Tensor | ImageFiles) -> Tensor:
        if not isinstance(raw, Tensor):
            return raw.resized(self.size)
        if tuple(raw.shape[2:]) == self.size:
            return raw
        x = torch.nn.functional.interpolate(raw.float(), self.size, mode="bilinear", antialias=True)
        return x.round().clamp(0, 255).to(torch.uint8)

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (3, *self.size)

    @property
    def num_features(self) -> int:
        return 3 * self.size[0] * self.size[1]

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        return {"kind": self.kind, "size": list(self.size), "notes": list(self.notes)}, {}

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> ImageEncoder:
        height, width = facts["size"]
        if not (1 <= int(height) <= LARGEST and 1 <= int(width) <= LARGEST):
            raise ValueError(f"images of {height} x {width} pixels: at most {LARGEST} a side")
        return cls((int(height), int(width)), tuple(facts["notes"]))
