"""Images: what is in memory, or bytes in a column of a sheet."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from longtail.formats.images import read_images
from longtail.formats.sheet import Sheet


def is_images(x: Any, kind: str | None) -> bool:
    """Is ``x`` a batch of images?"""
    return kind == "image" or (kind is None and getattr(x, "ndim", 0) == 4)


def images_of(x: Any, where: str = "X") -> Tensor:
    """uint8 ``[N, 3, H, W]``.

    Raises:
        ValueError: another shape or type.
    """
    images = torch.as_tensor(x)
    if images.dim() == 4 and images.shape[1] != 3 and images.shape[-1] == 3:
        images = images.permute(0, 3, 1, 2)
    if images.dim() != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            f"{where}: images of shape {tuple(images.shape)} and {images.dtype}; uint8 [N, 3, H, W] (0..255) is needed"
        )
    return images.cpu().contiguous()


def images_in(sheet: Sheet, column: str, skip_bad: bool, notes: list[str]) -> tuple[Any, list[int]]:
    """The images whose bytes are in a column, and the rows they are of; what was done is added to the notes.

    Raises:
        ValueError: a row without bytes, or with bytes that are no image, and not ``skip_bad``.
    """
    sources = [v["bytes"] if isinstance(v, dict) else v for v in sheet.frame[column]]
    rows = [i for i, source in enumerate(sources) if isinstance(source, bytes)]
    if len(rows) < len(sources):
        absent = next(i for i, source in enumerate(sources) if not isinstance(source, bytes))
        if not skip_bad or not rows:
            raise ValueError(f"{sheet.path}, column {column!r}, row {absent + 1}: no image bytes")
        notes.append(
            f"{len(sources) - len(rows)} rows without image bytes are left out (first: row {absent + 1})"
        )
    images, kept, said = read_images([sources[i] for i in rows], f"{sheet.path}, column {column!r}", skip_bad)
    notes += said
    return images, [rows[i] for i in kept]
