"""longtail: long-tailed (class-imbalanced) learning with an explicit class prior.

The verbs (``compare``, ``train``, ``predict``, ``inspect``, ``adjust``, ``bench``), the core types, and the rooms:
``longtail.losses``, ``longtail.samplers``, ``longtail.mixing``, ``longtail.metrics``, ``longtail.recipes`` ...

Names are imported when first used, so ``import longtail`` costs nothing and ``longtail.adjust`` needs numpy only.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longtail import (
        adjust,
        augment,
        backbones,
        bench,
        classical,
        data,
        figures,
        heads,
        kinds,
        losses,
        metrics,
        mixing,
        objectives,
        optim,
        part,
        protocol,
        recipes,
        run,
        samplers,
        schedule,
        surgery,
        testing,
        weights,
    )
    from longtail.api import (
        Comparison,
        clean,
        compare,
        compare_several,
        errors,
        inspect,
        load,
        predict,
        train,
    )
    from longtail.examples import Examples
    from longtail.inputs import SparseRows
    from longtail.integrations.sklearn import LongTailClassifier
    from longtail.label_sets import LabelSets
    from longtail.labels import Labels
    from longtail.model import Model
    from longtail.net import Net
    from longtail.part import Part
    from longtail.recipe import Recipe, Stage
    from longtail.run import Cache, Engine, Outcome

__version__ = "0.1.0"

_WHERE = {
    "longtail.api": (
        "Comparison",
        "clean",
        "compare",
        "compare_several",
        "errors",
        "inspect",
        "load",
        "predict",
        "train",
    ),
    "longtail.examples": ("Examples",),
    "longtail.inputs": ("SparseRows",),
    "longtail.integrations.sklearn": ("LongTailClassifier",),
    "longtail.label_sets": ("LabelSets",),
    "longtail.labels": ("Labels",),
    "longtail.model": ("Model",),
    "longtail.net": ("Net",),
    "longtail.part": ("Part",),
    "longtail.recipe": ("Recipe", "Stage"),
    "longtail.run": ("Cache", "Engine", "Outcome"),
}
_NAMES = {name: module for module, names in _WHERE.items() for name in names}
_ROOMS = (
    "adjust", "augment", "backbones", "bench", "classical", "data", "figures", "heads", "kinds", "losses", "metrics",
    "mixing", "objectives", "optim", "part", "protocol", "recipes", "run", "samplers", "schedule", "surgery", "testing",
    "weights",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"longtail.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'longtail' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Cache",
    "Comparison",
    "Engine",
    "Examples",
    "LabelSets",
    "Labels",
    "LongTailClassifier",
    "Model",
    "Net",
    "Outcome",
    "Part",
    "Recipe",
    "SparseRows",
    "Stage",
    "adjust",
    "augment",
    "backbones",
    "bench",
    "classical",
    "clean",
    "compare",
    "compare_several",
    "data",
    "errors",
    "figures",
    "heads",
    "inspect",
    "kinds",
    "load",
    "losses",
    "metrics",
    "mixing",
    "objectives",
    "optim",
    "part",
    "predict",
    "protocol",
    "recipes",
    "run",
    "samplers",
    "schedule",
    "surgery",
    "testing",
    "train",
    "weights",
]
