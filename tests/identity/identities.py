"""The golden table: the digest and the stage keys of every recipe on the base stage of every kind of data.

A key names what was computed, and seeds it. A key that changes trains everything again, with other random numbers; so it
may change on purpose only. Make the table again, and say so in the changelog:

    python tests/identity/identities.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from longtail.catalogue import known_recipes
from longtail.classical import Classical
from longtail.comparison.plan import made
from longtail.examples import Examples
from longtail.labels import Labels
from longtail.net import Net
from longtail.protocol import base_stage
from longtail.run.chain import stage_keys

FILE = Path(__file__).parent / "golden.json"
KINDS = ("table", "text", "image", "embedding")


class FixedEngine:
    """Numerics that are no machine's, so that the table is the same on all."""

    def numerics(self) -> dict[str, Any]:
        return {"torch": "any"}


def examples() -> Examples:
    x = torch.arange(12.0).reshape(6, 2)
    return Examples(x, Labels.of([0, 0, 0, 0, 1, 1]), "fixed", x)


def net() -> Net:
    fixed = Net(nn.Identity(), nn.Linear(2, 2))
    for p in fixed.parameters():
        nn.init.zeros_(p)
    return fixed


def digests() -> dict[str, Any]:
    """By kind and recipe: its digest, then the key of each stage; 16 hex digits of each."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        base = base_stage(kind, n=1000, side=32, classes=5)
        for name, like in known_recipes().items():
            recipe = made(like, base, name)
            if isinstance(recipe, Classical):
                found.setdefault("classical", {})[name] = [recipe.digest[:16]]
                continue
            keys = stage_keys(recipe, net(), examples(), 0, FixedEngine())  # type: ignore[arg-type]
            found.setdefault(kind, {})[name] = [key[:16] for key in (recipe.digest, *keys)]
    return found


def text(table: dict[str, Any]) -> str:
    """The table as JSON, a recipe a line."""
    parts = []
    for kind, rows in table.items():
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
        parts.append(f"{json.dumps(kind)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text(digests()), encoding="utf-8")
