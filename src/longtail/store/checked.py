"""Checked: tensors and JSON in one safetensors file with a checksum, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from longtail.files import whole


def save_checked(file: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and JSON into one safetensors file with a checksum, atomically.

    Raises:
        OSError: a full disk, say; safetensors gives it as an error of its own.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    plain = {
        name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()
    }
    text = json.dumps(facts, ensure_ascii=False)
    with whole(file) as temporary:
        try:
            save_file(plain, temporary, metadata={"facts": text, "checksum": _checksum(plain, text)})
        except SafetensorError as why:
            if (number := re.search(r"\(os error (\d+)\)", str(why))) is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(file)) from why


def load_checked(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what ``save_checked`` wrote.

    Raises:
        ValueError: the file is cut short, altered, or not one of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="pt") as opened:
            about = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as why:
        raise ValueError(str(why)) from why
    if "facts" not in about or about.get("checksum") != _checksum(tensors, about["facts"]):
        raise ValueError("its checksum does not match")
    return tensors, json.loads(about["facts"])


def _checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    h = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        t = tensors[name].contiguous()
        h.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        h.update(t.reshape(-1).view(torch.uint8).numpy().data)
    return h.hexdigest()
