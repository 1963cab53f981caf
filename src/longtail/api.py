"""The verbs: compare, inspect, train, predict, recipes. Each command of the command line is the function of that name."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from longtail import data as data_room
from longtail.adjust.apply import Adjusted, adjust_predictions
from longtail.adjust.predictions import read_counts, read_predictions
from longtail.catalogue import about, known_recipes, listing, pick
from longtail.comparison.features import frozen_features
from longtail.comparison.folds import fold_notes
from longtail.comparison.leaderboard import Row, leaderboard, shown_priors, write_csv
from longtail.comparison.plan import Plan, Prepared, RecipeLike
from longtail.comparison.recommendation import recommendation
from longtail.comparison.results import results_of, versions
from longtail.comparison.run import run
from longtail.comparison.work import Worker, write_json
from longtail.data import Dataset, FeatureEncoder
from longtail.model import Model
from longtail.protocol import Backbone
from longtail.report.html import write_report
from longtail.run import Cache, Engine, Outcome, OutOfTime
from longtail.run.loop import On, ignore
from longtail.run.outcome import Prior, prior_vector

if TYPE_CHECKING:
    from longtail.reproduce import Reviews

DEFAULT_OUT = "longtail-out"


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
    folder = Path(out)
    chosen = pick(recipes)
    frozen = frozen_features(dataset, backbone, Cache(folder / "cache"))
    before, kind, said_backbone = None, dataset.kind, backbone
    if frozen is not None:
        (dataset, before), backbone = frozen, None
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
    notes = fold_notes(dataset.labels, plan.duplicate_of, folds)
    for note in notes:
        on({"note": note})
    began = time.time()
    rows = run(plan, folder, jobs=jobs, budget=budget, on=on)
    path = data.name if isinstance(data, Dataset) else str(data)
    said = {name: about(name, recipe) for name, recipe in plan.recipes}
    results = results_of(plan, rows, path, jobs, budget, command, said)
    if frozen is not None:
        results["data"]["kind"], results["settings"]["backbone"] = kind, str(said_backbone)
    kept: Model | None = None
    left = None if budget is None else began + budget
    if model and any(r["status"] == "done" for r in rows):
        name = best_of(results)
        on({"running": f"{name} on all rows, to keep"})
        try:
            kept = fit_all(plan, name, folder, Engine(**{**vars(plan.engine), "deadline": left}), on, before)
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


def best_of(results: dict[str, Any]) -> str:
    """The recipe ranked first under the declared prior."""
    return leaderboard(results, shown_priors(results)[0])[0].recipe


def fit_all(
    plan: Plan, name: str, folder: Path, engine: Engine, on: On = ignore, before: FeatureEncoder | None = None
) -> Model:
    """One recipe trained on all rows, as a model to keep; ``before`` is the frozen encoder that made the plan's data."""
    plan = Plan(**{**vars(plan), "engine": engine})
    worker = Worker(plan, folder, on=on)
    encoder, outcome, _ = worker.fit(Prepared(plan, None), name, 0)
    encoder = encoder if before is None else before.followed_by(encoder)
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
    frozen, before = frozen_features(dataset, backbone), None
    if frozen is not None:
        (dataset, before), backbone = frozen, None
    plan = Plan(
        dataset=dataset, recipes=tuple(chosen.items()), baseline=name, backbone=backbone, epochs=epochs,
        tuning=tuning, engine=engine or Engine(),
    )  # fmt: skip
    if out is None:
        import tempfile

        with tempfile.TemporaryDirectory() as scratch:
            return fit_all(plan, name, Path(scratch), plan.engine, on, before)
    folder = Path(out)
    work = folder.with_name(folder.name + ".work")
    model = fit_all(plan, name, work, plan.engine, on, before)
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
    like = loaded.encoder.front if isinstance(loaded.encoder, FeatureEncoder) else loaded.encoder
    raw = data.raw if isinstance(data, Dataset) else data_room.load_inputs(data, like, **how)
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


def reproduce(experiment: str, data: str | Path | Dataset | None = None, **settings: Any) -> Reviews:
    """Run a published experiment again, with tests for what it claims.

    Args:
        experiment: "reviews".
        data: None looks under ``LONGTAIL_DATA``.
        settings: as ``longtail.reproduce.reviews`` takes them: folds, seeds, backbone, epochs, look, jobs, out.

    Raises:
        ValueError: no experiment of that name.
    """
    from longtail.reproduce import reviews

    if experiment != "reviews":
        raise ValueError(f"there is no experiment {experiment!r} to reproduce; there is: reviews")
    return reviews(data, **settings)


def recipes() -> list[dict[str, str]]:
    """Every recipe: name, paper, the prior its logits carry, and one line."""
    return listing()


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
    "recipes", "reproduce", "train",
]  # fmt: skip
