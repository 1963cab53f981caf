"""Cost: how many seconds a run will take, before anything was run. Rough: several times too low or too high at times.

It puts the cheap recipes first and says what a budget may give; as soon as runs finish, their measured time counts
instead (:mod:`longtail.comparison.schedule`). The constants come from one run on one core.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.parameter import is_lazy

from longtail.backbones import as_pretrained
from longtail.classical import Classical
from longtail.comparison.study import Study
from longtail.data import Dataset
from longtail.inputs import SparseRows
from longtail.kinds import Sentences, kind_of
from longtail.net import Net
from longtail.part import Part
from longtail.protocol import Backbone
from longtail.recipe import Recipe, Stage

LOOK_AT = 300
"""Rows that are looked at to guess the size of all."""


@dataclass(frozen=True)
class Size:
    """How large the encoded rows are.

    Attributes:
        rows: N.
        numbers: that are not zero in a row.
        columns: of the encoded rows.
        classes: C.
        encode: seconds to encode all rows.
        sparse: are they n-grams, or other sparse rows?
    """

    rows: int
    numbers: float
    columns: float
    classes: int
    encode: float = 0.0
    sparse: bool = False


def size_of(dataset: Dataset) -> Size:
    """The size of a data set's rows, from a look at some of them.

    >>> from longtail.data import load
    >>> size_of(load("digits-lt")).columns
    192
    """
    raw, n, classes = dataset.raw, len(dataset), dataset.labels.num_classes
    if isinstance(raw, SparseRows):
        return Size(n, len(raw.values) / max(n, 1), raw.num_columns, classes, sparse=True)
    if isinstance(raw, Tensor):
        wide = math.prod(raw.shape[1:])
        return Size(n, wide, wide, classes, 1e-8 * n * wide)
    step = max(1, n // LOOK_AT)
    if isinstance(raw, list):
        letters = sum(len(text) for text in raw[::step]) / max(1, len(raw[::step]))
        terms = 4 * min(letters, 2000)
        return Size(n, terms, min(300_000, 3 * n * terms**0.5), classes, 3e-6 * n * letters, sparse=True)
    if isinstance(raw, Sentences):
        return Size(n, 20, 10 * n**0.75, classes, 1e-5 * n, sparse=True)
    if hasattr(raw, "iloc"):
        wide = sum(_width(raw[name]) for name in raw.columns)
        return Size(n, wide, wide, classes, 2e-7 * n * wide)
    side = max(raw.sizes[0]) if len(raw.sizes) else 32
    return Size(n, 3 * side**2, 3 * side**2, classes, 2e-8 * n * 3 * side**2)


def _width(column: Any) -> int:
    return 1 if column.dtype.kind in "fiub" else min(100, int(column.nunique()))


def classical_seconds(recipe: Classical, size: Size) -> float:
    """Seconds to fit an estimator, and again three times on two thirds of the rows (for thresholds and calibration)."""
    return 3 * _fit(recipe.estimator, size)


def _fit(estimator: Part[Any], size: Size) -> float:
    name, given = estimator.target.__name__, dict(estimator.kwargs)
    if name == "Resampled":
        rows = _resampled(given["method"], size)
        pairs = 0.0 if given["method"].startswith("random") else size.rows**2 * min(size.numbers, 100) * 1e-10
        return pairs + _fit(given["estimator"], Size(**{**vars(size), "rows": rows}))
    trees = name not in ("Logistic", "Own")
    project = 4e-8 * 10 * size.rows * size.numbers * 140 / 10 if trees and size.sparse else 0.0
    wide = min(128.0, size.columns) if trees and size.sparse else size.numbers
    seconds = FITS.get(name, FITS["RandomForest"])(size, wide, given)
    return 0.02 + project + float(seconds)


def _grown(size: Size, wide: float, trees: int) -> float:
    return 1e-7 * trees * size.rows * math.log2(size.rows + 2) * wide**0.5


def _balanced_rows(size: Size) -> Size:
    few = max(2, size.rows // (10 * size.classes))
    return Size(**{**vars(size), "rows": min(size.rows, few * size.classes)})


Fit = Callable[[Size, float, dict[str, Any]], float]
FITS: dict[str, Fit] = {
    "Logistic": lambda s, d, k: 1e-7 * s.rows * d * (s.classes if s.classes > 2 else 1),
    "Own": lambda s, d, k: _grown(s, d, 100),  # whatever it is
    "RandomForest": lambda s, d, k: _grown(s, d, k.get("trees", 300)),
    "BalancedRandomForest": lambda s, d, k: 0.02 * k.get("trees", 300) + _grown(_balanced_rows(s), d, 300),
    "BalancedBagging": lambda s, d, k: _grown(_balanced_rows(s), d**2, k.get("trees", 50)),
    "EasyEnsemble": lambda s, d, k: 4.0 + 50 * _grown(_balanced_rows(s), d, k.get("subsets", 10)),
    "RUSBoost": lambda s, d, k: 0.1 + _grown(_balanced_rows(s), d**2, k.get("rounds", 50)),
    "GradientBoosting": lambda s, d, k: (
        k.get("rounds", 100) * (s.classes if s.classes > 2 else 1) * (2.5e-3 + 1e-8 * s.rows * d)
    ),
}
"""Seconds of one fit by estimator: ``(size, columns it sees, its settings)``."""


def _resampled(method: str, size: Size) -> int:
    if method.startswith("random_under") or method == "near_miss":
        return _balanced_rows(size).rows
    return size.rows if method in ("enn", "tomek") else size.rows * min(size.classes, 3)


def stage_seconds(stage: Stage, size: Size, backbone: Backbone) -> float:
    """Seconds to train one stage."""
    steps = stage.epochs * math.ceil(size.rows / stage.batch_size)
    weights, work = net_size(size, backbone)
    if all(name.startswith("head.") for name in stage.trains) and stage.norm_stats is False:
        weights, work = 256 * size.classes, 256.0 * size.classes
    passes = len(stage.streams) * (2 if stage.sharpness is not None else 1)
    a_step = 8e-4 + 4e-9 * weights + 3 * 5e-11 * work * stage.batch_size
    return steps * passes * a_step


def net_size(size: Size, backbone: Backbone) -> tuple[float, float]:
    """Weights, and multiplications that one row costs."""
    if as_pretrained(backbone) is not None:
        return 1e8, 1e10
    if isinstance(backbone, Net):
        # a layer that waits for its width is guessed to be 100 wide
        weights = sum(size.columns * 100.0 if is_lazy(p) else float(p.numel()) for p in backbone.parameters())
        return weights, 10 * weights
    if size.sparse:
        return size.columns * size.classes, size.numbers * size.classes * 4
    if isinstance(backbone, str) and backbone.startswith("resnet"):
        return 1e5, size.columns / 3 * int(backbone.removeprefix("resnet")) * 1500
    if backbone == "linear":
        return size.columns * size.classes, size.columns * size.classes
    weights = 256 * (size.columns + 256 + size.classes)
    return weights, weights


def own_backbone(dataset: Dataset, backbone: Backbone) -> Backbone:
    """The backbone that a kind of data gets where none is named."""
    if backbone is not None:
        return backbone
    return kind_of(dataset.kind).default


def recipe_stages(recipe: Recipe) -> list[Stage]:
    """The stages of a recipe and of its teachers."""
    return [*recipe.stages, *(s for teacher in recipe.teachers for s in recipe_stages(teacher))]


def seconds_of(study: Study, name: str, size: Size | None = None) -> float:
    """Seconds of one run of a recipe, its encoding left out, as rough as this module is."""
    size = size or size_of(study.dataset)
    recipe = study.recipe(name)
    if isinstance(recipe, Classical):
        return classical_seconds(recipe, size)
    backbone = own_backbone(study.dataset, study.backbone)
    return sum(stage_seconds(stage, size, backbone) for stage in recipe_stages(recipe))
