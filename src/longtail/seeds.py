"""Seeds: all randomness of a stage comes from its key, so the same key gives the same bits anywhere."""

from __future__ import annotations

import hashlib

import torch


def seed_of(*names: object) -> int:
    """A 63-bit seed from a key and what it is for: all randomness of a stage comes from its key."""
    text = "|".join(map(str, names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*names: object, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator seeded by ``seed_of``."""
    return torch.Generator(device=device).manual_seed(seed_of(*names))
