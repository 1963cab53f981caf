"""Images from folders and from bytes: uint8 RGB, decoded by Pillow, on a few threads."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail.words import printable

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
IN_MEMORY = 1 << 30
"""Bytes of decoded images up to which a folder of equal sizes is read at once."""


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images decoded when asked for: ``files[i]`` is uint8 ``[3, H, W]``, sizes may differ.

    Attributes:
        sources: a path, or the encoded bytes, of each image.
        sizes: (height, width) of each image.
        digests: a hash of each encoded image.
    """

    sources: tuple[Path | bytes, ...]
    sizes: tuple[tuple[int, int], ...]
    digests: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, i: int) -> Tensor:
        return decode(self.sources[i], f"image {i}")

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def take(self, index: Tensor) -> ImageFiles:
        rows = index.tolist()
        return ImageFiles(
            tuple(self.sources[i] for i in rows),
            tuple(self.sizes[i] for i in rows),
            tuple(self.digests[i] for i in rows),
        )

    def with_more(self, others: Iterable[ImageFiles]) -> ImageFiles:
        """These, and others behind them."""
        parts = [self, *others]
        return ImageFiles(
            tuple(s for part in parts for s in part.sources),
            tuple(s for part in parts for s in part.sizes),
            tuple(d for part in parts for d in part.digests),
        )

    def resized(self, size: tuple[int, int]) -> Tensor:
        """All images at (height, width), uint8 ``[N, 3, H, W]``; bilinear with antialiasing."""
        out = torch.empty(len(self), 3, *size, dtype=torch.uint8)

        def put(i: int) -> None:
            out[i] = decode(self.sources[i], f"image {i}", size)

        _each(put, len(self))
        return out


def decode(source: Path | bytes, where: str, size: tuple[int, int] | None = None) -> Tensor:
    """One image as uint8 RGB ``[3, H, W]``, turned as its EXIF says; transparency lies on white.

    Raises:
        ValueError: not an image, or a damaged one.
    """
    import numpy as np
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
            image: Any = opened
            if "exif" in opened.info or "xmp" in opened.info or opened.format in ("TIFF", "MPO"):
                image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I;16") or image.mode in ("I", "F"):
                grey = np.asarray(image, dtype=np.float64)
                top = 65535.0 if grey.max() > 255 else 255.0
                image = Image.fromarray((grey.clip(0, top) * (255 / top)).round().astype(np.uint8))
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            image = image.convert("RGB")
            if size is not None and (image.height, image.width) != size:
                image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            return torch.from_numpy(np.array(image, dtype=np.uint8)).permute(2, 0, 1)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        name = str(source) if isinstance(source, Path) else where
        raise ValueError(f"{name}: not a readable image ({error}); mend or remove it") from error


def read_images(
    sources: Sequence[Path | bytes], where: str, skip_bad: bool = False
) -> tuple[Tensor | ImageFiles, list[int], list[str]]:
    """All images: one uint8 tensor where sizes agree and they fit in memory, :class:`ImageFiles` otherwise.

    Every image is decoded once, so that a damaged one is found now and not in the middle of training.

    Args:
        skip_bad: leave out what cannot be read, and count it.

    Returns:
        the images, which of ``sources`` they are, and what was noticed.

    Raises:
        ValueError: an image that cannot be read; its file or row is named.
    """
    bad: dict[int, str] = {}
    first = None
    for i, source in enumerate(sources):
        try:
            first = decode(source, f"{where}, row {i + 1}")
            break
        except ValueError as error:
            if not skip_bad:
                raise ValueError(f"{error}, or leave such pictures out with skip_bad=True") from error
    if first is None:
        raise ValueError(f"{where}: none of {len(sources)} pictures can be read")
    size = (int(first.shape[1]), int(first.shape[2]))
    fits = first.numel() * len(sources) <= IN_MEMORY
    out = torch.empty(len(sources) if fits else 0, *first.shape, dtype=torch.uint8)
    sizes = [size] * len(sources)
    digests = [0] * len(sources)
    mixed = threading.Event()

    def look(i: int) -> None:
        source = sources[i]
        name = str(source) if isinstance(source, Path) else f"{where}, row {i + 1}"
        try:
            data = source if isinstance(source, bytes) else source.read_bytes()
            digests[i] = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
            if fits and not mixed.is_set():
                image = decode(data, name)
                sizes[i] = (int(image.shape[1]), int(image.shape[2]))
                if sizes[i] == size:
                    out[i] = image
                    return
                mixed.set()
            else:
                sizes[i] = _size(data, name)
        except (ValueError, OSError) as error:
            if not skip_bad:
                raise ValueError(f"{error}, or leave such pictures out with skip_bad=True") from error
            bad[i] = name

    _each(look, len(sources))
    kept = [i for i in range(len(sources)) if i not in bad]
    notes = []
    if bad:
        notes.append(f"{len(bad)} pictures that cannot be read are left out (first: {bad[min(bad)]})")
        sources, sizes = [sources[i] for i in kept], [sizes[i] for i in kept]
        digests = [digests[i] for i in kept]
    kinds = Counter(sizes)
    if fits and len(kinds) == 1 and not mixed.is_set():
        return (
            out[torch.tensor(kept)] if bad else out,
            kept,
            [f"{len(kept)} images of {size[0]}x{size[1]} pixels", *notes],
        )
    files = ImageFiles(tuple(sources), tuple(sizes), tuple(digests))
    if len(kinds) == 1:
        return files, kept, [f"{len(kept)} images of {size[0]}x{size[1]} pixels, decoded when needed", *notes]
    (common, n) = kinds.most_common(1)[0]
    said = f"{len(kept)} images of {len(kinds)} sizes, most often {common[0]}x{common[1]} ({n})"
    return files, kept, [said, *notes]


def _size(data: bytes, where: str) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            size = (image.width, image.height) if turned else (image.height, image.width)
            image.draft("RGB", (1, 1))  # a JPEG is read whole, and decoded small
            image.load()
            return size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{where}: not a readable image ({error}); mend or remove it") from error


def _each(call: Any, n: int) -> None:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for _ in pool.map(lambda start: [call(i) for i in range(start, min(start + 64, n))], range(0, n, 64)):
            pass


def list_folder(root: Path) -> tuple[list[Path], list[int], list[str], list[str]]:
    """``root/class/**/image``: paths, class indices, class names in natural order, and what was left out.

    Raises:
        ValueError: no class folder with images, or only one.
    """
    from longtail.labels import natural

    notes: list[str] = []
    paths: list[Path] = []
    y: list[int] = []
    names: list[str] = []
    empty: list[str] = []
    nested: dict[str, list[str]] = {}
    other = 0
    for folder in subfolders(root):
        files = sorted(
            (p for p in folder.rglob("*") if p.is_file() and not _hidden(p)), key=lambda p: natural(str(p))
        )
        images = [p for p in files if p.suffix.lower() in SUFFIXES]
        other += len(files) - len(images)
        if not images:
            empty.append(folder.name)
            continue
        if inner := list(dict.fromkeys(p.relative_to(folder).parts[0] for p in images if p.parent != folder)):
            nested[folder.name] = inner
        paths += images
        y += [len(names)] * len(images)
        names.append(printable(folder.name))
    loose = [p.name for p in root.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES]
    if len(names) < 2:
        raise ValueError(
            f"{root}: {len(names)} folders with images; an image data set is root/class/*.png with at"
            " least two classes, or a table with a column of file names (images= names their folder)"
        )
    if nested:
        outer, inner = next(iter(nested.items()))
        notes.append(
            f"folders within {len(nested)} class folders: all pictures in {outer} are of class {outer}, those in its"
            f" folders {', '.join(inner[:4])} too. If these are the classes, move them up into {root.name}"
        )
    if other:
        notes.append(f"{other} files in the class folders are no images: left out")
    if empty:
        notes.append(f"{len(empty)} folders without images are no classes: {', '.join(empty[:5])}")
    if loose:
        notes.append(
            f"{len(loose)} images outside the class folders have no label: left out ({loose[0]} ...)"
        )
    return paths, y, names, notes


def list_pictures(root: Path) -> list[Path]:
    """Every image in a folder and in the folders in it, in natural order.

    Raises:
        ValueError: there is none.
    """
    from longtail.formats.target import natural

    files = (p for p in root.rglob("*") if p.is_file() and not _hidden(p) and p.suffix.lower() in SUFFIXES)
    found = sorted(files, key=lambda p: natural(p.relative_to(root).as_posix()))
    if not found:
        raise ValueError(f"{root}: no images in this folder ({', '.join(sorted(SUFFIXES))})")
    return found


def subfolders(root: Path) -> list[Path]:
    """The folders in a folder, in natural order; hidden ones are none."""
    from longtail.formats.target import natural

    return sorted((p for p in root.iterdir() if p.is_dir() and not _hidden(p)), key=lambda p: natural(p.name))


def layout(folder: Path) -> str:
    """ "pictures" (images lie in it), "folders" (in folders in it), or "" (none)."""
    if any(p.suffix.lower() in SUFFIXES and p.is_file() and not _hidden(p) for p in folder.iterdir()):
        return "pictures"
    inside = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not _hidden(p))
    return "folders" if next(inside, None) is not None else ""


def _hidden(path: Path) -> bool:
    return path.name.startswith((".", "__MACOSX"))
