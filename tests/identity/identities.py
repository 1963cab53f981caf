"""The golden table: the digest and the stage keys of every recipe on the base stage of every kind of data, and the
defaults of every part.

A key names what was computed, and seeds it. A key that changes trains everything again, with other random numbers; so it
may change on purpose only. A keyword at its default is not in a key: a default that changes would give old results for
new code, and needs another name or another version of longtail. Make the table again, and say so in the changelog:

    python tests/identity/identities.py
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from longtail.catalogue import known_recipes
from longtail.classical import Classical
from longtail.comparison.study import made
from longtail.examples import Examples
from longtail.kinds.start import base_stage
from longtail.labels import Labels
from longtail.net import Net
from longtail.recipe import Stage
from longtail.rooms import SLOTS, listed
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


def defaults() -> dict[str, dict[str, str]]:
    """By part of the house: what its keywords are where a recipe leaves them out."""
    found = {}
    for slot in SLOTS:
        for name, target in listed(slot).items():
            if not name.startswith("optim/") or target.__module__.startswith("longtail."):
                parameters = inspect.signature(target).parameters.values()
                found[name] = {p.name: repr(p.default) for p in parameters if p.default is not p.empty}
    stage = {
        f.name: repr(f.default) for f in dataclasses.fields(Stage) if f.default is not dataclasses.MISSING
    }
    return {"Stage": stage, **dict(sorted(found.items()))}


def text(table: dict[str, Any]) -> str:
    """The table as JSON, a recipe a line."""
    parts = []
    for kind, rows in table.items():
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
        parts.append(f"{json.dumps(kind)}: {{\n{lines}\n}}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(text({**digests(), "defaults": defaults()}), encoding="utf-8")
