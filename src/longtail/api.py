"""The verbs: compare, inspect, train, predict, recipes. Each command of the command line is the function of that name."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail import data as data_room
from longtail.adjust.apply import Adjusted, adjust_predictions
from longtail.adjust.predictions import Predictions
from longtail.adjust.saved import ending, read_counts, read_predictions, read_vector
from longtail.adjust.written import check_table_ending, write_table
from longtail.bench import bench
from longtail.catalogue import about, known_recipes, listing, pick
from longtail.comparison.features import frozen_features
from longtail.comparison.folds import fold_notes
from longtail.comparison.leaderboard import Row, leaderboard, shown_priors, write_csv
from longtail.comparison.plan import Plan, RecipeLike
from longtail.comparison.ranking import Ranking, rank, shared_priors
from longtail.comparison.recommendation import recommendation
from longtail.comparison.results import hardware, results_of, versions
from longtail.comparison.run import run
from longtail.comparison.work import Worker
from longtail.data import Dataset, FeatureEncoder
from longtail.files import held, write_json
from longtail.model import Model
from longtail.protocol import Backbone
from longtail.report.html import write_report
from longtail.report.ranks import write_ranks
from longtail.run import Engine, Outcome, OutOfTime
from longtail.run.loop import On, ignore
from longtail.run.outcome import Prior, prior_vector
from longtail.run.ranks import here, launched

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


def load(data: str | Path | Dataset, *, unlabelled: str | Path | None = None, **how: Any) -> Dataset:
    """Read data, unless it is read already; keywords as in ``longtail.data.load``, and ``unlabelled``: a file of rows
    without labels.
    """
    found = data
    if not isinstance(found, Dataset):
        found = data_room.load(found, **{k: v for k, v in how.items() if v is not None})
    return found if unlabelled is None else data_room.with_unlabelled(found, unlabelled)


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
        how: how to read the data: kind, text, label, features, header; and unlabelled, a file of rows without labels.

    Returns:
        the results; the same are in ``out``.
    """
    if launched() > 1:
        raise ValueError("compare starts its own processes: run it without torchrun, with jobs=... instead")
    dataset = load(data, **how)
    folder = Path(out)
    chosen = pick(recipes)
    frozen = frozen_features(dataset, backbone, folder / "cache")
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
    path = data.name if isinstance(data, Dataset) else str(data)
    shown = None if frozen is None else {"kind": kind, "backbone": str(said_backbone)}
    with held(folder, "longtail compare"):
        return _compared(plan, folder, path, notes, before, shown, jobs, budget, model, on, command)


def _compared(
    plan: Plan,
    folder: Path,
    path: str,
    notes: tuple[str, ...],
    before: FeatureEncoder | None,
    shown: dict[str, str] | None,
    jobs: int,
    budget: float | None,
    model: bool,
    on: On,
    command: str | None,
) -> Comparison:
    """The comparison itself, in a folder that is this process's; ``shown``: kind and backbone where they are frozen."""
    began = time.time()
    rows = run(plan, folder, jobs=jobs, budget=budget, on=on)
    said = {name: about(name, recipe) for name, recipe in plan.recipes}
    results = results_of(plan, rows, path, jobs, budget, command, said)
    if shown is not None:
        results["data"]["kind"], results["settings"]["backbone"] = shown["kind"], shown["backbone"]
    kept: Model | None = None
    left = None if budget is None else began + budget
    if model and any(r["status"] == "done" for r in rows):
        name = best_of(results)
        on({"running": f"{name} on all rows, to keep"})
        try:
            engine = Engine(**{**vars(plan.engine), "deadline": left})
            kept = fit_all(plan, name, folder, engine, on, before=before)
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


@dataclass(frozen=True, eq=False)
class Several:
    """What ``compare_several`` found.

    Attributes:
        comparisons: one a data set, by its name.
        rankings: recipes ranked over the data sets, one a prior.
        folder: where ranks.json, report.html and a folder a data set are.
    """

    comparisons: dict[str, Comparison]
    rankings: tuple[Ranking, ...]
    folder: Path


def compare_several(
    data: Sequence[str | Path | Dataset],
    *,
    out: str | Path = DEFAULT_OUT,
    prior: str = "natural",
    budget: float | None = None,
    on: On = ignore,
    command: str | None = None,
    model: bool = True,
    how: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Several:
    """Compare recipes on several data sets, each as ``compare`` does, and rank them over the data sets.

    Made again with the same settings, it goes on where it was.

    Args:
        data: two or more files, folders or data sets; all are read before anything is trained.
        out: folder; each data set gets a folder of its name in it.
        prior: "natural" or "balanced"; probabilities of your own belong to one data set's classes.
        budget: seconds for all of them.
        on, command, model: as for ``compare``.
        how: how to read the data, as for ``load``.
        settings: recipes, folds, seeds, baseline, jobs, backbone, epochs, tuning, duplicates, engine, as for ``compare``.

    Raises:
        ValueError: fewer than two data sets, or another prior.
    """
    if len(data) < 2:
        raise ValueError(f"data holds {len(data)} data sets; ranks over data sets need at least two")
    if prior not in ("natural", "balanced"):
        raise ValueError(f"prior={prior!r}: over several data sets it must be natural or balanced")
    sets: dict[str, Dataset] = {}
    for given in data:
        dataset = load(given, **(how or {}))
        title = re.sub(r"[^\w.-]+", "-", dataset.name).strip(".-") or "data"
        name = next(n for n in (title, *(f"{title}-{k}" for k in range(2, len(data) + 2))) if n not in sets)
        sets[name] = dataset
    folder, began = Path(out), time.time()
    found: dict[str, Comparison] = {}
    for name, dataset in sets.items():
        left = None if budget is None else max(1.0, budget - (time.time() - began))
        on({"note": f"data set {name}"})
        found[name] = compare(
            dataset,
            out=folder / name,
            prior=prior,
            budget=left,
            on=on,
            command=command,
            model=model,
            **settings,
        )
    results = {name: c.results for name, c in found.items()}
    priors = shared_priors([shown_priors(r) for r in results.values()])
    rankings = tuple(rank(results, p) for p in priors)
    about_all = {
        "format": 1,
        "command": command or "",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hardware": hardware(),
        "versions": versions(),
        "folds": next(iter(results.values()))["settings"]["folds"],
        "datasets": {
            name: {
                **{k: r["data"][k] for k in ("n", "num_classes", "imbalance")},
                "link": f"{name}/report.html",
            }
            for name, r in results.items()
        },
    }
    write_json(folder / "ranks.json", {**about_all, "rankings": [r.to_json() for r in rankings]})
    write_ranks(about_all, rankings, folder / "report.html")
    return Several(found, rankings, folder)


def best_of(results: dict[str, Any]) -> str:
    """The recipe ranked first under the declared prior."""
    return leaderboard(results, shown_priors(results)[0])[0].recipe


def fit_all(
    plan: Plan,
    name: str,
    folder: Path,
    engine: Engine,
    on: On = ignore,
    seed: int = 0,
    before: FeatureEncoder | None = None,
) -> Model:
    """One recipe trained on all rows, as a model to keep; ``before`` is the frozen encoder that made the plan's data."""
    plan = Plan(**{**vars(plan), "engine": engine})
    worker = Worker(plan, folder, on=on)
    encoder, outcome, _ = worker.fit(plan.prepare(None), name, seed)
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
    seed: int = 0,
    on: On = ignore,
    **how: Any,
) -> Model:
    """Train one recipe on all rows. Under ``torchrun`` or ``accelerate launch``, the processes train it together.

    Args:
        data: a file, a folder, ``"digits-lt"``, or a ``Dataset``.
        recipe: a name, or a recipe of your own.
        out: folder to save the model to; None does not save.
        backbone, epochs, tuning, engine: see ``longtail.comparison.plan.Plan``.
        seed: of initial weights, order and estimators.
        on: called with progress events.
        how: how to read the data: kind, text, label, features, header; and unlabelled, a file of rows without labels.
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
            return fit_all(plan, name, Path(scratch), plan.engine, on, seed, before)
    folder = Path(out)
    work = folder.with_name(folder.name + ".work")
    with (
        held(work, "longtail train") if launched() == 1 else nullcontext()
    ):  # launched processes train it together
        model = fit_all(plan, name, work, plan.engine, on, seed, before)
        if here()[0] == 0:
            model.save(folder)
            shutil.rmtree(work, ignore_errors=True)
    return model


def predict(
    model: str | Path | Model,
    data: str | Path | Dataset,
    *,
    prior: Prior = "natural",
    out: str | Path | None = None,
    raw: bool = False,
    **how: Any,
) -> Any:
    """Predicted class and probabilities for every row, as a pandas DataFrame.

    Args:
        model: a folder that ``train`` or ``compare`` wrote, or the model itself.
        data: rows with the columns the model was trained on; a label column is not needed.
        prior: class frequencies where the model is used: "natural", "balanced", or one probability a class.
        out: a csv, tsv, jsonl, parquet or xlsx file to write; None does not write.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front.
    """
    import pandas as pd

    if out is not None:
        check_table_ending(out)
    loaded = model if isinstance(model, Model) else Model.load(model)
    like = loaded.encoder.front if isinstance(loaded.encoder, FeatureEncoder) else loaded.encoder
    rows = data.raw if isinstance(data, Dataset) else data_room.load_inputs(data, like, **how)
    encoded = loaded.encoder(rows)
    probabilities = loaded.outcome.predict_proba(encoded, prior)
    chosen = loaded.outcome.decide(probabilities, prior)
    frame = pd.DataFrame({"prediction": [loaded.names[k] for k in chosen.tolist()]})
    for k, name in enumerate(loaded.names):
        frame[f"p_{name}"] = probabilities[:, k].numpy()
    if out is not None:
        write_table(frame, out, raw)
    return frame


def adjust(
    predictions: str | Path | Predictions,
    *,
    counts: str | Path | Sequence[int] | Mapping[Any, int],
    prior: str | Sequence[float] | Mapping[Any, float] = "balanced",
    from_prior: str | Sequence[float] | Mapping[Any, float] | None = None,
    held: str | Path | Predictions | None = None,
    kind: str | None = None,
    label: str | None = None,
    classes: Sequence[str] | None = None,
    unseen: str = "error",
    out: str | Path | None = None,
    raw: bool = False,
    on: On = ignore,
) -> Adjusted:
    """Saved predictions of any model, for the prior you deploy under; no retraining.

    Counts and priors are taken by class name or index where they are given by class (a mapping, a pandas Series, a JSON
    object), and in the order of the columns where they are a list.

    Args:
        predictions: csv, tsv, jsonl, parquet or npz with columns ``p_*`` or ``logit_*`` (or named by class), and a label
            column where the labels are known, as ``longtail predict`` writes; or ``longtail.adjust.Predictions``, such as
            ``longtail.adjust.predictions_of`` makes of a scikit-learn, torch or Hugging Face model.
        counts: training examples per class: numbers, by class, or a JSON file of either.
        prior: "balanced", "natural" (the counts), probabilities, or a JSON file of them.
        from_prior: the prior the model was trained under, where it is not the counts': the same forms.
        held: labelled predictions of the same model on held-out rows, which fit a calibrator first.
        kind: "probabilities" or "logits", where the column names do not say.
        label: the column of labels; None takes ``label`` or ``labels`` where there is one.
        classes: class names in the order of numbered columns, where labels or counts use names.
        unseen: what to do about a class without training examples: "error", or "rarest" (as rare as the rarest seen).
        out: folder for the adjusted predictions and ``adjuster.json``, which ``longtail.adjust.load`` reads in
            production with numpy alone; None does not write.
        raw: leave cells alone that a spreadsheet would run; else they get a quote in front.
        on: called with progress events.
    """
    numbers: Any = counts
    known: tuple[str, ...] | None = None
    if isinstance(counts, str | Path):
        read, known = read_counts(counts)
        numbers = read if known is None else dict(zip(known, read.tolist()))
    elif callable(getattr(counts, "items", None)):
        known = tuple(str(k) for k, _ in counts.items())  # type: ignore[union-attr]

    def read_one(given: str | Path | Predictions) -> Predictions:
        if isinstance(given, Predictions):
            return given
        found = read_predictions(given, classes, kind, label, known)
        on({"total": steps, "done": 1, "task": str(given)})
        return found

    steps = 3 if out is not None else 2
    given = read_one(predictions)
    other = None if held is None else read_one(held)
    asked = read_prior(prior, given.names) if isinstance(prior, str) else prior
    before = (
        read_prior(from_prior, given.names, "--from-prior") if isinstance(from_prior, str) else from_prior
    )
    adjusted = adjust_predictions(given, numbers, asked, before, other, unseen)
    on({"total": steps, "done": 2, "task": "adjusted"})
    if out is not None:
        adjusted.write(
            out, ".csv" if isinstance(predictions, Predictions) else "".join(ending(predictions)), raw
        )
        on({"total": steps, "done": 3, "task": f"written to {out}"})
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


def read_prior(text: str, names: Sequence[str], option: str = "--prior") -> str | list[float]:
    """A prior from the command line: "natural", "balanced", or a JSON file of probabilities by class or in order.

    Raises:
        ValueError: no such file, or a class is missing.
    """
    if text in ("natural", "balanced"):
        return text
    if not Path(text).is_file():
        raise ValueError(f"{option} {text!r} must be natural, balanced, or a JSON file that exists")
    return read_vector(text, option, names)


__all__ = [
    "Comparison", "Model", "Outcome", "Several", "adjust", "bench", "compare", "compare_several", "inspect",
    "known_recipes", "load", "predict", "read_prior", "recipes", "reproduce", "train",
]  # fmt: skip
