"""The results of a comparison, from its plan and its runs; versions and machine in words."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from longtail.comparison.length import usual
from longtail.comparison.plan import Plan
from longtail.comparison.record import Data, Results, Run, Settings
from longtail.comparison.split import Folds
from longtail.comparison.split_words import words
from longtail.net import Net


def results_of(
    plan: Plan,
    runs: Sequence[Run],
    path: str,
    slots: int,
    budget: float | None,
    command: str | None,
    about: Mapping[str, Mapping[str, str]],
    created: str,
) -> Results:
    """The results of a comparison, from its runs and what there is to say of its recipes."""
    d, labels, sides = plan.dataset, plan.labels(0, 0), plan.sides
    groups = {name: index.tolist() for name, index in labels.classes.groups().items()}
    return Results(
        command=command or "",
        versions=versions(),
        hardware=hardware(),
        created=created,
        data=Data(
            name=d.name,
            fingerprint=d.fingerprint,
            path=path,
            kind=d.kind,
            n=len(d),
            num_classes=labels.num_classes,
            names=tuple(labels.names),
            counts=tuple(labels.counts.tolist()),
            imbalance=labels.classes.imbalance,
            groups=groups,
            notes=tuple(d.notes),
        ),
        settings=Settings(
            folds=sides.folds,
            seeds=plan.seeds,
            prior=plan.deploy_prior.name,
            prior_vector=tuple(plan.deploy_prior.resolve(labels.classes).tolist()),
            baseline=plan.baseline,
            costs=plan.costs,
            jobs=slots,
            budget=budget,
            tuning=plan.tuning,
            device=plan.engine.on.type,
            precision=plan.engine.precision,
            duplicates=plan.duplicates,
            epochs=plan.epochs or plan.base.epochs,
            backbone=backbone_name(plan),
            test_share=tested_share(plan),
            split=split_facts(plan),
        ),
        recipes=about,
        definitions={name: definition(plan, name, runs) for name in about},
        runs=tuple(runs),
    )


def definition(plan: Plan, name: str, runs: Sequence[Run]) -> dict[str, Any]:
    """What a recipe is, as JSON; its base stage as long as its runs found it to be, the median of the folds."""
    length = usual([run.length for run in runs if run.recipe == name and run.length is not None])
    found = length is not None and length.converged is not None
    return plan.recipe(name, length.epochs if length is not None and found else None).to_json()


def tested_share(plan: Plan) -> float:
    """The share of all rows that a run tests."""
    if isinstance(plan.sides, Folds):
        return 1 / plan.sides.folds
    _, test = plan.sides.rows(plan.dataset, plan.together, 0, plan.deal(0))
    return len(test) / len(plan.dataset)


def split_facts(plan: Plan) -> dict[str, Any]:
    """How rows were split: its name, in words, is there a single test set, and what each column beside is called."""
    sides, beside = plan.sides, plan.dataset.beside
    return {"name": sides.name, "words": words(sides, plan.dataset), "single": sides.single, **beside.names}


def backbone_name(plan: Plan) -> str:
    """The backbone in words."""
    if isinstance(plan.backbone, Net):
        return type(plan.backbone.backbone).__name__
    return str(plan.backbone) if plan.backbone is not None else f"default for {plan.dataset.kind} data"


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    packages = ("longtail", "torch", "numpy", "scikit-learn", "pandas")
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # run from the source tree
        return "not installed"


def hardware() -> str:
    """The machine in a few words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} cores, {model}"
