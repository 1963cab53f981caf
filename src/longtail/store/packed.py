"""Packed: nested values with tensors in them, taken apart into JSON and named tensors, and put together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def pack(tree: Any, tensors: dict[str, Tensor], name: str = "") -> Any:
    """Nested dicts and lists of tensors and plain values to JSON; the tensors go into ``tensors`` by path."""
    if isinstance(tree, Tensor):
        tensors[name] = tree
        return {"tensor": name}
    if isinstance(tree, dict):
        return {"dict": [[k, pack(v, tensors, f"{name}/{k}")] for k, v in tree.items()]}
    if isinstance(tree, list | tuple):
        return {"list": [pack(v, tensors, f"{name}/{i}") for i, v in enumerate(tree)]}
    return {"value": tree}


def unpack(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What ``pack`` took apart; tuples come back as lists.

    Raises:
        ValueError: ``pack`` did not make this.
    """
    if not isinstance(packed, dict) or len(packed) != 1:
        raise ValueError(f"{str(packed)[:80]} is no packed value")
    kind, inside = next(iter(packed.items()))
    if kind == "tensor":
        return tensors[inside]
    if kind == "dict":
        return {k: unpack(v, tensors) for k, v in inside}
    if kind == "list":
        return [unpack(v, tensors) for v in inside]
    if kind == "value":
        return inside
    raise ValueError(f"{kind!r} is no kind of packed value")
