"""The results of a comparison as plain JSON: what the report reads, and what stays on disk."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from longtail.comparison.plan import Plan
from longtail.net import Net


def results_of(
    plan: Plan,
    rows: list[dict[str, Any]],
    path: str,
    jobs: int,
    budget: float | None,
    command: str | None,
    about: dict[str, Any],
) -> dict[str, Any]:
    """The results of a comparison as plain JSON."""
    d, labels = plan.dataset, plan.dataset.labels
    groups = {name: index.tolist() for name, index in labels.classes.groups().items()}
    return {
        "format": 1,
        "command": command or "",
        "versions": versions(),
        "hardware": hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "name": d.name,
            "fingerprint": d.fingerprint,
            "path": path,
            "kind": d.kind,
            "n": len(d),
            "num_classes": labels.num_classes,
            "names": list(labels.names),
            "counts": labels.counts.tolist(),
            "imbalance": labels.classes.imbalance,
            "groups": groups,
            "notes": list(d.notes),
        },
        "settings": {
            "folds": plan.folds,
            "seeds": plan.seeds,
            "prior": plan.deploy_prior.name,
            "prior_vector": plan.deploy_prior.resolve(labels.classes).tolist(),
            "baseline": plan.baseline,
            "jobs": jobs,
            "budget": budget,
            "tuning": plan.tuning,
            "duplicates": plan.duplicates,
            "epochs": plan.epochs or plan.base.epochs,
            "backbone": backbone_name(plan),
            "test_share": 1 / plan.folds,
        },
        "recipes": about,
        "runs": rows,
    }


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
