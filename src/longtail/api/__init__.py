"""The verbs: compare, errors, inspect, train, predict, adjust, figures, recipes, clean ... Each command is one of them.

A verb is a function in a file of its own, which is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longtail.api.adjusting import adjust
    from longtail.api.cleaning import cache_size, clean
    from longtail.api.comparing import compare
    from longtail.api.comparison import Comparison
    from longtail.api.drawing import figures
    from longtail.api.inspecting import inspect
    from longtail.api.loading import load
    from longtail.api.mistakes import errors
    from longtail.api.predicting import model_folder, predict
    from longtail.api.several import Several, compare_several
    from longtail.api.splitting import load_parts
    from longtail.api.training import train
    from longtail.bench.benchmark import bench
    from longtail.catalogue import known_recipes
    from longtail.catalogue import listing as recipes
    from longtail.model import Model
    from longtail.run import Outcome

_WHERE = {
    "adjust": "longtail.api.adjusting",
    "bench": "longtail.bench.benchmark",
    "cache_size": "longtail.api.cleaning",
    "clean": "longtail.api.cleaning",
    "compare": "longtail.api.comparing",
    "Comparison": "longtail.api.comparison",
    "compare_several": "longtail.api.several",
    "errors": "longtail.api.mistakes",
    "figures": "longtail.api.drawing",
    "inspect": "longtail.api.inspecting",
    "known_recipes": "longtail.catalogue",
    "load": "longtail.api.loading",
    "load_parts": "longtail.api.splitting",
    "Model": "longtail.model",
    "model_folder": "longtail.api.predicting",
    "Outcome": "longtail.run",
    "predict": "longtail.api.predicting",
    "recipes": "longtail.catalogue:listing",
    "Several": "longtail.api.several",
    "train": "longtail.api.training",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'longtail.api' has no attribute {name!r}")
    module, _, other = _WHERE[name].partition(":")
    return getattr(importlib.import_module(module), other or name)


__all__ = [
    "Comparison", "Model", "Outcome", "Several", "adjust", "bench", "cache_size", "clean", "compare",
    "compare_several", "errors", "figures", "inspect", "known_recipes", "load", "load_parts", "model_folder", "predict",
    "recipes", "train",
]  # fmt: skip
