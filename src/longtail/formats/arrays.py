"""Embeddings from npz and safetensors: a matrix of features, a vector of labels, never a pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

FEATURE_NAMES = ("x", "features", "embeddings", "embedding", "feats", "data", "inputs")
TARGET_NAMES = ("y", "labels", "label", "targets", "target", "classes", "class")


def read_arrays(path: Path) -> dict[str, Any]:
    """The arrays of an npz, npy or safetensors file by name, as NumPy arrays.

    Raises:
        ValueError: a file that is none, or one that holds pickled objects.
    """
    import numpy as np

    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            tensors = load_file(path)
            return {
                name: (t.float() if t.dtype in (torch.bfloat16, torch.float16) else t).numpy()
                for name, t in tensors.items()
            }
        loaded = np.load(path, allow_pickle=False)
        return (
            {"x": loaded} if isinstance(loaded, np.ndarray) else {name: loaded[name] for name in loaded.files}
        )
    except Exception as error:
        if "allow_pickle" in str(error) or "pickle" in str(error):
            raise ValueError(
                f"{path}: holds Python objects, which are never unpickled: save labels as numbers or as"
                " fixed-width text"
                ' (labels.astype("U"))'
            ) from error
        raise ValueError(f"{path}: not a readable {path.suffix[1:]} file ({error})") from error


def find_array(
    arrays: dict[str, Any], wanted: str | None, known: tuple[str, ...], what: str, path: Path
) -> Any:
    """The array called ``wanted``, or else the one whose name is among ``known``.

    Raises:
        ValueError: none or several; the names in the file are listed.
    """
    shapes = ", ".join(f"{name} {tuple(a.shape)}" for name, a in arrays.items())
    if wanted is not None:
        if wanted not in arrays:
            raise ValueError(f"{path}: no array {wanted!r} for the {what}; the file has {shapes}")
        return arrays[wanted]
    for name in known:
        found = [key for key in arrays if key.lower() == name]
        if len(found) == 1:
            return arrays[found[0]]
    raise ValueError(
        f"{path}: no array for the {what} (looked for {', '.join(known)}); the file has {shapes}: name it"
        f" with {what}="
    )


def matrix(array: Any, path: Path) -> tuple[Tensor, list[str]]:
    """Embeddings as float32 ``[N, d]``.

    Raises:
        ValueError: not two-dimensional, not numbers, or not finite; the row is named.
    """
    import numpy as np

    notes = []
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{path}: the features are {array.dtype}; numbers are needed")
    if array.ndim > 2:
        notes.append(f"features of shape {tuple(array.shape[1:])} a row are laid out flat")
        array = array.reshape(len(array), -1)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{path}: the features have shape {tuple(array.shape)}; [N, d] is needed")
    if array.dtype == np.float64 and np.abs(array).max(initial=0) > np.finfo(np.float32).max:
        raise ValueError(f"{path}: the features exceed the range of float32: scale them")
    tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    bad = (~tensor.isfinite()).nonzero()
    if len(bad):
        row, column = bad[0].tolist()
        rows = len(bad[:, 0].unique())
        raise ValueError(
            f"{path}: {rows} rows hold NaN or infinity (first: row {row + 1}, column {column}): mend them"
        )
    return tensor, notes
