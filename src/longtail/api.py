"""The verbs: compare, inspect, train, predict, recipes. Each command of the command line is the function of that name."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from longtail import classical as classical_room
from longtail import data as data_room
from longtail import recipes as recipe_room
from longtail.adjust import Thresholds
from longtail.adjust.apply import Adjusted, adjust_predictions
from longtail.adjust.predictions import read_counts, read_predictions
from longtail.comparison.folds import fold_notes
from longtail.comparison.leaderboard import Row, leaderboard, shown_priors, write_csv
from longtail.comparison.plan import Plan, Prepared, RecipeLike
from longtail.comparison.recommendation import recommendation
from longtail.comparison.run import run
from longtail.comparison.work import Worker, write_json
from longtail.data import Dataset
from longtail.model import Model
from longtail.net import Net
from longtail.part import part
from longtail.protocol import Backbone
from longtail.report.html import write_report
from longtail.run import Engine, Outcome, OutOfTime
from longtail.run.loop import On, ignore
from longtail.run.outcome import Prior, prior_vector

DEFAULT_OUT = "longtail-out"
CLASSICAL = (
    classical_room.logistic,
    classical_room.random_forest,
    classical_room.gradient_boosting,
    classical_room.logistic_balanced,
    classical_room.random_forest_balanced,
    classical_room.gradient_boosting_balanced,
    classical_room.balanced_random_forest,
    classical_room.balanced_bagging,
    classical_room.easy_ensemble,
    classical_room.rus_boost,
)


def known_recipes() -> dict[str, RecipeLike]:
    """Every recipe by its name on the command line, in the order tables show them."""
    deep: dict[str, RecipeLike] = {f.__name__.replace("_", "-"): f for f in recipe_room.ALL}
    made = [f(finish=(part(Thresholds, metric="macro_f1"),)) for f in CLASSICAL]
    return deep | {c.name: c for c in made}


def pick(recipes: Sequence[str] | Mapping[str, RecipeLike] | None) -> dict[str, RecipeLike]:
    """Recipes by name; None takes the first dozen (nine deep, three classical).

    Raises:
        ValueError: no recipe of that name.
    """
    known = known_recipes()
    if recipes is None:
        return {name: known[name] for name in known if name in FIRST}
    if isinstance(recipes, Mapping):
        return dict(recipes)
    if unknown := [name for name in recipes if name not in known]:
        raise ValueError(
            f"recipes: there is no {unknown[0]!r}; `longtail recipes` lists them: {', '.join(known)}"
        )
    return {name: known[name] for name in recipes}


FIRST = (
    "erm", "weighted-ce", "class-balanced-sampling", "focal", "balanced-softmax", "logit-adjustment", "tau-norm", "crt",
    "ldam-drw", "logistic", "random-forest", "gradient-boosting",
)  # fmt: skip
"""What ``compare`` runs when no recipes are named."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What ``compare`` found.

    Attributes:
        results: everything, as written to ``results.json``.
        folder: where the files are.
        model: the best recipe trained on all rows, or None where it was not asked for.
    """

    results: dict[str, Any]
    folder: Path
    model: Model | None

    @property
    def table(self) -> dict[str, list[Row]]:
        """Ranked rows by prior, the declared one first."""
        return {prior: leaderboard(self.results, prior) for prior in shown_priors(self.results)}

    @property
    def best(self) -> str:
        """The name of the recipe ranked first under the declared prior."""
        return best_of(self.results)

    @property
    def recommendation(self) -> dict[str, str]:
        """What to do, in plain words, a paragraph a prior."""
        return recommendation(self.results)


def load(data: str | Path | Dataset, **how: Any) -> Dataset:
    """Read data, unless it is read already; keywords as in ``longtail.data.load``."""
    if isinstance(data, Dataset):
        return data
    return data_room.load(data, **{k: v for k, v in how.items() if v is not None})


def compare(
    data: str | Path | Dataset,
    *,
    recipes: Sequence[str] | Mapping[str, RecipeLike] | None = None,
    folds: int = 5,
    seeds: int = 1,
    prior: str | Sequence[float] = "natural",
    baseline: str | None = None,
    jobs: int = 1,
    budget: float | None = None,
    out: str | Path = DEFAULT_OUT,
    backbone: Backbone = None,
    epochs: int | None = None,
    tuning: str = "refit",
    duplicates: str = "together",
    engine: Engine | None = None,
    model: bool = True,
    on: On = ignore,
    command: str | None = None,
    **how: Any,
) -> Comparison:
    """Compare recipes on your data by stratified folds, and keep the best model.

    Args:
        data: a file, a folder, ``"digits-lt"``, or a ``Dataset``.
        recipes: names (``longtail recipes`` lists them), or your own by name; None takes the first dozen.
        folds: each row is tested once a seed.
        seeds: repetitions with other initial weights and order.
        prior: class frequencies where the model will be used: "natural" (as in the data), "balanced", or one
            probability a class.
        baseline: what the others are compared with; None takes erm, or the first recipe.
        jobs: processes.
        budget: seconds; what has not finished by then is left out, and continues when the same call is made again.
        out: folder for results.json, results.csv, report.html, the model and the cache.
        backbone, epochs, tuning, duplicates, engine: see ``longtail.comparison.plan.Plan``.
        model: train the best recipe on all rows at the end.
        on: called with progress events.
        command: what to print in the report as the way to make it again.
        how: how to read the data: kind, text, label, features, header.

    Returns:
        the results; the same are in ``out``.
    """
    dataset = load(data, **how)
    chosen = pick(recipes)
    plan = Plan(
        dataset=dataset,
        recipes=tuple(chosen.items()),
        folds=folds,
        seeds=seeds,
        prior=prior
        if isinstance(prior, str)
        else tuple(float(p) for p in prior_vector(prior, dataset.labels)),
        baseline=baseline or ("erm" if "erm" in chosen else next(iter(chosen))),
        backbone=backbone,
        epochs=epochs,
        tuning=tuning,
        duplicates=duplicates,
        engine=engine or Engine(),
    )
    prior_vector(plan.prior, dataset.labels)  # a wrong prior is an error now, not after training
    folder = Path(out)
    notes = fold_notes(dataset.labels, plan.duplicate_of, folds)
    for note in notes:
        on({"note": note})
    began = time.time()
    rows = run(plan, folder, jobs=jobs, budget=budget, on=on)
    results = results_of(
        plan, rows, str(data) if not isinstance(data, Dataset) else data.name, jobs, budget, command
    )
    kept: Model | None = None
    left = None if budget is None else began + budget
    if model and any(r["status"] == "done" for r in rows):
        name = best_of(results)
        on({"running": f"{name} on all rows, to keep"})
        try:
            kept = fit_all(plan, name, folder, Engine(**{**vars(plan.engine), "deadline": left}), on)
            notes += tuple(getattr(kept.encoder, "notes", ()))
            kept.save(folder / "model")
            results["model"] = {"recipe": name, "path": str(folder / "model")}
        except OutOfTime:
            results["model"] = None
        except Exception as why:  # the comparison must not be lost for its last step
            results["model"] = {"recipe": name, "path": None, "why": f"{type(why).__name__}: {why}"}
    results["data"]["notes"] += notes
    write_json(folder / "results.json", results)
    write_csv(results, folder / "results.csv")
    write_report(results, folder / "report.html")
    return Comparison(results, folder, kept)


def results_of(
    plan: Plan, rows: list[dict[str, Any]], path: str, jobs: int, budget: float | None, command: str | None
) -> dict[str, Any]:
    """The results of a comparison as plain JSON."""
    d, labels = plan.dataset, plan.dataset.labels
    groups = {name: index.tolist() for name, index in labels.groups().items()}
    return {
        "format": 1,
        "command": command or "",
        "versions": versions(),
        "hardware": hardware(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "name": d.name,
            "path": path,
            "kind": d.kind,
            "n": len(d),
            "num_classes": labels.num_classes,
            "names": list(labels.names),
            "counts": labels.counts.tolist(),
            "imbalance": labels.imbalance,
            "groups": groups,
            "notes": list(d.notes),
        },
        "settings": {
            "folds": plan.folds,
            "seeds": plan.seeds,
            "prior": plan.prior if isinstance(plan.prior, str) else "declared",
            "prior_vector": prior_vector(plan.prior, labels).tolist(),
            "baseline": plan.baseline,
            "jobs": jobs,
            "budget": budget,
            "tuning": plan.tuning,
            "duplicates": plan.duplicates,
            "epochs": plan.epochs or plan.base.epochs,
            "backbone": backbone_name(plan),
            "test_share": 1 / plan.folds,
        },
        "recipes": {name: about(name, recipe) for name, recipe in plan.recipes},
        "runs": rows,
    }


def backbone_name(plan: Plan) -> str:
    """The backbone in words."""
    if isinstance(plan.backbone, Net):
        return type(plan.backbone.backbone).__name__
    return str(plan.backbone) if plan.backbone is not None else f"default for {plan.dataset.kind} data"


def best_of(results: dict[str, Any]) -> str:
    """The recipe ranked first under the declared prior."""
    return leaderboard(results, shown_priors(results)[0])[0].recipe


def about(name: str, recipe: RecipeLike) -> dict[str, str]:
    """Title, paper and one line on a recipe, from its own documentation."""
    if isinstance(recipe, classical_room.Classical):
        doc = getattr(classical_room, name.replace("-", "_")).__doc__ or "" if name in known_recipes() else ""
    else:
        module = sys.modules.get(getattr(recipe, "__module__", ""), None) if callable(recipe) else None
        doc = (module.__doc__ if module is not None else None) or ""
    first = doc.strip().split("\n", 1)[0]
    paper = [line.removeprefix("Paper:").strip() for line in doc.splitlines() if line.startswith("Paper:")]
    return {"title": name, "paper": paper[0] if paper else "", "summary": first.partition(": ")[2] or first}


def fit_all(plan: Plan, name: str, folder: Path, engine: Engine, on: On = ignore) -> Model:
    """One recipe trained on all rows, as a model to keep."""
    plan = Plan(**{**vars(plan), "engine": engine})
    worker = Worker(plan, folder, on=on)
    encoder, outcome, _ = worker.fit(Prepared(plan, None), name, 0)
    d = plan.dataset
    recipe = outcome.recipe
    facts = {
        "data": {"name": d.name, "kind": d.kind, "n": len(d), "fingerprint": d.fingerprint},
        "recipe": {"name": name, "definition": recipe.to_json() if hasattr(recipe, "to_json") else None},
        "prior_source": outcome.prior_source,
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return Model(outcome, encoder, facts)


def train(
    data: str | Path | Dataset,
    *,
    recipe: str | RecipeLike = "erm",
    out: str | Path | None = None,
    backbone: Backbone = None,
    epochs: int | None = None,
    tuning: str = "refit",
    engine: Engine | None = None,
    on: On = ignore,
    **how: Any,
) -> Model:
    """Train one recipe on all rows.

    Args:
        data: a file, a folder, ``"digits-lt"``, or a ``Dataset``.
        recipe: a name, or a recipe of your own.
        out: folder to save the model to; None does not save.
        backbone, epochs, tuning, engine: see ``longtail.comparison.plan.Plan``.
        on: called with progress events.
        how: how to read the data: kind, text, label, features, header.
    """
    dataset = load(data, **how)
    name = (
        recipe
        if isinstance(recipe, str)
        else str(getattr(recipe, "name", getattr(recipe, "__name__", "own")))
    )
    chosen = pick([recipe]) if isinstance(recipe, str) else {name: recipe}
    plan = Plan(
        dataset=dataset, recipes=tuple(chosen.items()), baseline=name, backbone=backbone, epochs=epochs,
        tuning=tuning, engine=engine or Engine(),
    )  # fmt: skip
    if out is None:
        import tempfile

        with tempfile.TemporaryDirectory() as scratch:
            return fit_all(plan, name, Path(scratch), plan.engine, on)
    folder = Path(out)
    work = folder.with_name(folder.name + ".work")
    model = fit_all(plan, name, work, plan.engine, on)
    model.save(folder)
    shutil.rmtree(work, ignore_errors=True)
    return model


def predict(
    model: str | Path | Model,
    data: str | Path | Dataset,
    *,
    prior: Prior = "natural",
    out: str | Path | None = None,
    **how: Any,
) -> Any:
    """Predicted class and probabilities for every row, as a pandas DataFrame.

    Args:
        model: a folder that ``train`` or ``compare`` wrote, or the model itself.
        data: rows with the columns the model was trained on; a label column is not needed.
        prior: class frequencies where the model is used: "natural", "balanced", or one probability a class.
        out: a csv or parquet file to write; None does not write.
    """
    import pandas as pd

    loaded = model if isinstance(model, Model) else Model.load(model)
    raw = data.raw if isinstance(data, Dataset) else data_room.load_inputs(data, loaded.encoder, **how)
    encoded = loaded.encoder(raw)
    probabilities = loaded.outcome.predict_proba(encoded, prior)
    chosen = loaded.outcome.decide(probabilities, prior)
    frame = pd.DataFrame({"prediction": [loaded.names[k] for k in chosen.tolist()]})
    for k, name in enumerate(loaded.names):
        frame[f"p_{name}"] = probabilities[:, k].numpy()
    if out is not None:
        file = Path(out)
        if file.suffix == ".parquet":
            frame.to_parquet(file)
        else:
            frame.to_csv(file, index=False)
    return frame


def adjust(
    predictions: str | Path,
    *,
    counts: str | Path | Sequence[int],
    prior: str | Sequence[float] = "balanced",
    from_prior: str | Sequence[float] | None = None,
    held: str | Path | None = None,
    kind: str | None = None,
    label: str = "label",
    out: str | Path | None = None,
) -> Adjusted:
    """Saved predictions of any model, for the prior you deploy under; no retraining.

    Args:
        predictions: csv, tsv, parquet or npz with columns ``p_*`` or ``logit_*`` (or named by class), and a label column
            where the labels are known.
        counts: training examples per class: numbers, or a JSON file of a list or of an object by class name.
        prior: "balanced", "natural" (the counts), one probability a class, or a JSON file of them.
        from_prior: the prior the model was trained under, where it is not the counts': the same forms.
        held: labelled predictions of the same model on held-out rows, which fit a calibrator first.
        kind: "probabilities" or "logits", where the column names do not say.
        label: the column of labels.
        out: folder for the adjusted predictions and ``adjuster.json``, which ``longtail.adjust.load`` reads in
            production with numpy alone; None does not write.
    """
    if isinstance(counts, str | Path):
        numbers, names = read_counts(counts)
    else:
        numbers, names = np.asarray(counts), None
    read = read_predictions(predictions, names, kind, label)
    other = read_predictions(held, names, kind, label) if held is not None else None
    asked = read_prior(prior, read.names) if isinstance(prior, str) else prior
    before = read_prior(from_prior, read.names) if isinstance(from_prior, str) else from_prior
    uniform = [1 / len(read.names)] * len(read.names)
    before = {"balanced": uniform, "natural": None}[before] if isinstance(before, str) else before
    adjusted = adjust_predictions(read, numbers, asked, before, other)
    if out is not None:
        suffix = Path(predictions).suffix
        adjusted.write(out, suffix)
    return adjusted


def inspect(data: str | Path | Dataset, **how: Any) -> dict[str, Any]:
    """What is in the data: classes, counts, imbalance factor, groups, and what to watch out for."""
    return data_room.inspect_facts(load(data, **how))


def recipes() -> list[dict[str, str]]:
    """Every recipe: name, paper, the prior its logits carry, and one line."""
    from longtail.labels import Labels
    from longtail.protocol import tabular
    from longtail.recipe import Recipe
    from longtail.run.chain import carried_prior

    toy, rows = Labels.of([0] * 8 + [1] * 2), []
    for name, recipe in known_recipes().items():
        if isinstance(recipe, classical_room.Classical):
            prior = classical_prior(recipe)
        else:
            made = recipe if isinstance(recipe, Recipe) else recipe(tabular())
            prior = prior_words(carried_prior(made, toy), toy)
        rows.append({"name": name, **about(name, recipe), "prior": prior})
    return rows


def prior_words(prior: Any, labels: Any) -> str:
    """The prior of some logits in one word."""
    if prior is None:
        return "fitted on held-out rows"
    if abs(float(prior[0]) - float(labels.prior[0])) < 1e-6:
        return "natural"
    return "balanced" if abs(float(prior[0]) - 1 / labels.num_classes) < 1e-6 else "in between"


def classical_prior(recipe: classical_room.Classical) -> str:
    """The prior of a classical recipe's probabilities in one word."""
    name, weight = recipe.estimator.target.__name__, dict(recipe.estimator.kwargs).get("class_weight")
    if name in ("EasyEnsemble", "RUSBoost") or (name == "RandomForest" and weight):
        return "fitted on held-out rows"
    return "balanced" if weight or name.startswith("Balanced") else "natural"


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    packages = ("longtail", "torch", "numpy", "scikit-learn", "pandas")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def hardware() -> str:
    """The machine in a few words."""
    import os

    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{os.cpu_count()} cores, {model}"


def read_prior(text: str, names: Sequence[str]) -> str | list[float]:
    """A prior from the command line: "natural", "balanced", or a JSON file of probabilities by class name or in order.

    Raises:
        ValueError: no such file, or a class is missing.
    """
    if text in ("natural", "balanced"):
        return text
    file = Path(text)
    if not file.exists():
        raise ValueError(f"--prior {text!r} must be natural, balanced, or a JSON file that exists")
    given = json.loads(file.read_text(encoding="utf-8"))
    if isinstance(given, dict):
        if missing := [n for n in names if n not in given]:
            raise ValueError(
                f"--prior {text}: class {missing[0]!r} is missing; it needs each of {', '.join(names)}"
            )
        return [float(given[n]) for n in names]
    return [float(p) for p in given]


__all__ = [
    "Comparison", "Model", "Outcome", "compare", "inspect", "known_recipes", "load", "predict", "read_prior",
    "recipes", "train",
]  # fmt: skip
