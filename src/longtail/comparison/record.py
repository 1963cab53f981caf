"""Record: what a comparison found, as frozen values. ``results.json`` is how they are written, in a format with a number.

``Results.from_json(Results.to_json())`` is the same again. A file of another format is refused, never guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from longtail.comparison.curve import Curve
from longtail.comparison.length import Length
from longtail.comparison.mistake import Mistake
from longtail.costs import Costs
from longtail.files import Damaged, read_json

FORMAT = 2
Scores = Mapping[str, Mapping[str, float | None]]
"""Numbers by the name of a prior, then of a metric; None where one is not defined."""
T = TypeVar("T")


STATUSES = ("done", "failed", "skipped")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One stage of a run, trained or taken from the cache.

    Attributes:
        name, key: of the stage.
        seconds, cpu_seconds: that its training took, whenever that was.
        refit: was it trained again without a part of the rows, to fit what the recipe leaves open?
        shared: had another recipe, earlier in the table, trained it already?
    """

    name: str
    key: str
    seconds: float
    cpu_seconds: float
    refit: bool = False
    shared: bool = False


@dataclass(frozen=True, kw_only=True)
class Run:
    """One recipe in one cell: trained, and judged on the test rows.

    Attributes:
        recipe, fold, seed: which.
        status: "done", "failed" or "skipped" (out of time).
        error: why it is not done.
        identity: names what was computed, and its files.
        seconds: of its own training; what another recipe had trained already is not counted.
        predict_seconds: from raw test rows to logits; encode_seconds: of the training rows.
        test_rows, parameters, bytes: how many of each.
        prior_source: where the prior of its logits is known from.
        prior_checked: what held-out rows said of a claimed prior.
        decided_by: what decides under the natural prior.
        fitted: what was fitted on held-out rows: ``adjusters``, ``calibrator`` and ``thresholds``, as they write
            themselves; only what there is.
        converged: did every training reach its end? None where nothing could tell.
        length: of the base stage, where it was found; None where nothing stepped.
        stages: what was trained.
        history: loss by epoch.
        scores: by prior and metric.
        per_class: by prior, then ``recall``, ``precision``, ..., a number for each class.
        confusion: by prior, rows of each true class (row) by decision (column); of many classes ``pairs``: true class,
            decision and rows of those that are confused most.
        reliability: by prior, ``confidence``, ``accuracy`` and ``weight`` of each bin.
        cost_curve: of two classes with costs, see :mod:`longtail.comparison.cost_curve`.
    """

    recipe: str
    fold: int
    seed: int
    status: str
    error: str | None = None
    identity: str | None = None
    seconds: float = 0.0
    predict_seconds: float | None = None
    encode_seconds: float | None = None
    test_rows: int | None = None
    parameters: int | None = None
    bytes: int | None = None
    prior_source: str = "none"
    prior_checked: Mapping[str, Any] | None = None
    decided_by: str | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)
    converged: bool | None = True
    length: Length | None = None
    stages: tuple[Trained, ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()
    scores: Scores = field(default_factory=dict)
    per_class: Mapping[str, Any] = field(default_factory=dict)
    confusion: Mapping[str, Any] = field(default_factory=dict)
    reliability: Mapping[str, Any] = field(default_factory=dict)
    cost_curve: Mapping[str, Any] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        return self.status == "done"

    @property
    def cell(self) -> tuple[int, int]:
        """Fold and seed."""
        return self.fold, self.seed

    @property
    def where(self) -> str:
        """The cell in words."""
        return f"fold {self.fold}, seed {self.seed}"

    @property
    def trained_seconds(self) -> float:
        """Seconds that its stages took, shared ones and those of the inner split included, and its test."""
        return sum(stage.seconds for stage in self.stages) + (self.predict_seconds or 0.0)

    def but(self, **changes: Any) -> Run:
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts."""
        written: dict[str, Any] = _plain(self)
        return written

    @classmethod
    def from_json(cls, about: Mapping[str, Any]) -> Run:
        """What ``to_json`` wrote.

        Raises:
            ValueError: something is missing, not known, or of another form.
        """
        with_parts = _mapping("Run", about)
        if "stages" in about:
            with_parts["stages"] = tuple(_made(Trained, stage) for stage in about["stages"])
        if "history" in about:
            with_parts["history"] = tuple(about["history"])
        if about.get("length") is not None:
            length = _mapping("Length", about["length"])
            tried = tuple((epochs, loss) for epochs, loss in length.get("tried", ()))
            with_parts["length"] = _made(Length, {**length, "tried": tried})
        run = _made(cls, with_parts)
        if run.status not in STATUSES:
            raise ValueError(f"Run: status {run.status!r} is none of {', '.join(STATUSES)}")
        return run


@dataclass(frozen=True, kw_only=True)
class Data:
    """What was compared on: name, path, kind, rows, classes with their counts, the reading options that the caller gave
    (``asked``), and notes on how it was read."""

    name: str
    path: str
    kind: str
    n: int
    num_classes: int
    names: tuple[str, ...]
    counts: tuple[int, ...]
    imbalance: float
    groups: Mapping[str, list[int]]
    notes: tuple[str, ...] = ()
    asked: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How it was compared.

    Attributes:
        prior: "natural", "balanced" or "declared"; prior_vector: its numbers.
        costs: of decisions; None: none are declared.
        metric: that recipes are ranked by; None is that of the prior.
        device, precision: of training; None in tables of before they were written.
        test_share: the share of the rows that a fold tests on.
        split: ``name``, in ``words``, is there a ``single`` test set, and the columns of groups, times and parts.
    """

    folds: int
    seeds: int
    prior: str
    prior_vector: tuple[float, ...] = ()
    baseline: str
    costs: Costs | None = None
    metric: str | None = None
    jobs: int = 1
    budget: float | None = None
    tuning: str = "refit"
    device: str | None = None
    precision: str | None = None
    duplicates: str = "together"
    epochs: int | None = None
    backbone: str = ""
    test_share: float
    split: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tested(self) -> bool:
        """Can a difference be tested: on folds, or on the rows of one test set?"""
        return self.runs > 1 or bool(self.split.get("single"))

    @property
    def runs(self) -> int:
        """Planned runs of a recipe."""
        return self.folds * self.seeds


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """All that a comparison found.

    Attributes:
        command, versions, hardware, created: how the numbers were made.
        data, settings: see there.
        recipes: title, paper and summary of each, by name, in the order of the table.
        runs: in the order of the recipes.
        left_out: what there was no time for, in words.
        evidence: tests on rows by prior, see :mod:`longtail.comparison.evidence`.
        definitions: what each recipe is, as :meth:`longtail.recipe.Recipe.to_json` writes it, by name.
        curves: how well some recipes find the rarest class, see :mod:`longtail.comparison.curves`.
        mistakes: the most certain ones of the best recipe, see :func:`longtail.comparison.kept.worst`.
        unknown: how recipes do under priors that they are not told, where that was asked for; see
            :mod:`longtail.comparison.unknown`.
        model: the recipe that was trained on all rows, where it lies, and what to say of it.
    """

    command: str = ""
    versions: Mapping[str, str]
    hardware: str = ""
    created: str = ""
    data: Data
    settings: Settings
    recipes: Mapping[str, Mapping[str, str]]
    runs: tuple[Run, ...]
    left_out: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    definitions: Mapping[str, Any] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    unknown: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] | None = None

    def but(self, **changes: Any) -> Results:
        return replace(self, **changes)

    @cached_property
    def by_recipe(self) -> dict[str, dict[tuple[int, int], Run]]:
        """The finished runs of each recipe by (fold, seed), seed after seed."""
        found: dict[str, dict[tuple[int, int], Run]] = {name: {} for name in self.recipes}
        for run in sorted(self.runs, key=lambda r: (r.seed, r.fold)):
            if run.done and run.recipe in found:
                found[run.recipe][run.cell] = run
        return found

    @cached_property
    def boards(self) -> dict[Any, Any]:
        """Boards that were built, by what they are ranked and tested by; see :mod:`longtail.comparison.leaderboard`."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings, lists and dicts, for ``results.json``."""
        written: dict[str, Any] = _plain(self)
        return {"format": FORMAT, **written}

    @classmethod
    def from_json(cls, about: Mapping[str, Any]) -> Results:
        """What ``to_json`` wrote.

        Raises:
            ValueError: another format, or something is missing, not known, or of another form.
        """
        values = _mapping("results", about)
        if (written := values.pop("format", None)) != FORMAT:
            raise ValueError(f"it has format {written!r}; this version reads {FORMAT}")
        try:
            data, settings = _mapping("Data", values["data"]), _mapping("Settings", values["settings"])
            for part, name in (
                (data, "names"),
                (data, "counts"),
                (data, "notes"),
                (settings, "prior_vector"),
            ):
                if name in part:
                    part[name] = tuple(part[name])
            if settings.get("costs") is not None:
                settings["costs"] = Costs.from_json(settings["costs"]["cells"])
            parts = {
                "data": _made(Data, data),
                "settings": _made(Settings, settings),
                "runs": tuple(Run.from_json(run) for run in values["runs"]),
                "curves": tuple(_curve(curve) for curve in values.get("curves", ())),
                "mistakes": tuple(_made(Mistake, one) for one in values.get("mistakes", ())),
            }
        except (KeyError, TypeError) as why:
            raise ValueError(f"results: {why}") from why
        return _made(cls, {**values, **parts})


def read_results(file: str | Path) -> Results:
    """The results that a comparison wrote.

    Args:
        file: ``results.json``.

    Raises:
        ValueError: it is damaged, or another version of longtail wrote it.
        OSError: it is not there, or may not be read.
    """
    try:
        return Results.from_json(read_json(file))
    except Damaged:
        raise
    except ValueError as why:
        raise ValueError(
            f"{file} is not a comparison that can be read ({why}). Make the same comparison again, into the same folder: "
            "what it keeps there is not trained again"
        ) from why


def _mapping(what: str, value: Any) -> dict[str, Any]:
    """A copy of a JSON object; anything else is an error."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what}: {type(value).__name__} instead of an object")
    return dict(value)


def _curve(about: Any) -> Curve:
    values = _mapping("Curve", about)
    for name in ("precision_recall", "roc"):
        values[name] = tuple((x, y) for x, y in values.get(name, ()))
    return _made(Curve, {**values, "decided": tuple(values.get("decided", ()))})


def _made(kind: type[T], values: Mapping[str, Any]) -> T:
    """One of these types; a name that it does not know is an error, and so is one that is missing."""
    try:
        return kind(**_mapping(kind.__name__, values))
    except TypeError as why:
        raise ValueError(f"{kind.__name__}: {why}") from why


def _plain(value: Any) -> Any:
    """As JSON has it: these types become dicts, tuples lists, all through."""
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
