"""The command compare."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from longtail.cli import saying
from longtail.cli.ending import errors
from longtail.cli.given import (
    Backbone,
    CostsOption,
    Device,
    Epochs,
    Graphs,
    Precision,
    PriorOption,
    Tuning,
    Unlabelled,
)
from longtail.cli.options import names, reads
from longtail.cli.saying import command, duration, said, watched


@reads()
def compare(
    data: Annotated[
        list[str],
        typer.Argument(
            help="csv, tsv, jsonl, parquet, xlsx, arff, npz, ..., a folder of images, digits-lt, islands-lt, names-lt; "
            "several are ranked."
        ),
    ],
    recipes: Annotated[
        str | None,
        typer.Option(
            help="Names separated by commas, or all; `longtail recipes` lists them. METHOD+ESTIMATOR, such as "
            "smote+logistic, is a classical recipe on resampled rows. Settings follow a name, a colon before each: "
            "focal:gamma=1,crt:share=0.2:views=4,smote+gradient-boosting:rounds=50."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="Each row is tested once.")] = 5,
    seeds: Annotated[int, typer.Option(help="Repetitions with other folds, initial weights and order.")] = 1,
    test: Annotated[
        str | None, typer.Option(help="File or folder of your own test rows: nothing else tests.")
    ] = None,
    valid: Annotated[
        str | None, typer.Option(help="File or folder of rows that all is tuned on, and that train nothing.")
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(help="Test one hold-out of this share of the rows, such as 0.2, and no folds."),
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option(
            help="With --time: rows less than this before a test part do not train for it: 7d, or a number."
        ),
    ] = None,
    prior: PriorOption = "natural",
    costs: CostsOption = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="What recipes are ranked by, such as average_precision_rarest, or a point "
            "such as 'recall@precision>=0.9'. Default: expected_cost with --costs, "
            "else balanced_accuracy under the balanced prior, macro_f1 under others."
        ),
    ] = None,
    baseline: Annotated[str | None, typer.Option(help="What the others are compared with.")] = None,
    jobs: Annotated[int, typer.Option(help="Processes that work side by side; 0 takes one a core.")] = 0,
    budget: Annotated[str | None, typer.Option(help="Time to stop at, such as 90s, 10m or 2h.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the report, the results and the model.")] = Path(
        "longtail-out"
    ),
    backbone: Backbone = None,
    epochs: Epochs = None,
    tuning: Tuning = "refit",
    duplicates: Annotated[
        str, typer.Option(help="together: equal rows stay in one fold. ignore: as most published figures.")
    ] = "together",
    model: Annotated[
        bool | None,
        typer.Option(
            "--model/--no-model",
            help="Train the best recipe on all rows at the end, and keep it. Left out: unless there is a model already "
            "and no run was left to do.",
        ),
    ] = None,
    rows: Annotated[
        bool,
        typer.Option(
            help="Show the rows of the most certain mistakes in the report; without it holds no row of yours."
        ),
    ] = True,
    unknown: Annotated[
        bool,
        typer.Option(
            "--unknown",
            help="Also score recipes where they are not told how frequent the classes are: as in training, balanced, "
            "and in reverse.",
        ),
    ] = False,
    device: Device = "auto",
    precision: Precision = None,
    graphs: Graphs = True,
    unlabelled: Unlabelled = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print nothing but errors; the files say it all.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the results as JSON, as in results.json, and nothing else.")
    ] = False,
    how: Any = None,
) -> None:
    """Say which recipes work on your data, by how much, how surely, and hand you the model."""
    from longtail import api
    from longtail.costs import columns_named
    from longtail.data import inspect_facts
    from longtail.report import listings, show
    from longtail.report.ranks import show_ranks
    from longtail.report.unknown import show_unknown
    from longtail.run.engine import engine_of

    with errors():
        engine = engine_of(device=device, precision=precision, graphs=graphs)
        seconds = None if budget is None else duration(budget)
        if len(data) > 1 and (test or valid):
            raise ValueError("test= and valid= belong to one data set: compare them one by one")
        with watched(quiet or as_json) as on:
            if columns := columns_named(costs, files=True):
                how["cost_columns"] = columns
            own = {"test": test, "valid": valid, "on": on, "unlabelled": unlabelled}
            sets = [api.load_parts(path, **own, **how) for path in data]
        for dataset in sets if not (quiet or as_json) else ():
            listings.show_dataset(said(inspect_facts(dataset)))
        settings: dict[str, Any] = {
            "recipes": names(recipes), "folds": folds, "holdout": holdout, "gap": gap, "seeds": seeds,
            "costs": costs, "metric": metric, "baseline": baseline, "jobs": jobs or os.cpu_count() or 1,
            "budget": seconds, "began": saying.STARTED, "out": out, "backbone": backbone, "epochs": epochs,
            "tuning": tuning, "duplicates": duplicates, "model": model, "rows": rows, "unknown": unknown,
            "engine": engine, "command": command(),
        }  # fmt: skip
        with watched(quiet or as_json) as on:
            if len(sets) > 1:
                several = api.compare_several(sets, prior=prior, on=on, **settings)
            else:
                found = api.compare(sets[0], prior=prior, on=on, **settings)
        if as_json:
            sys.stdout.write((out / ("ranks.json" if len(sets) > 1 else "results.json")).read_text("utf-8"))
        elif quiet:
            return
        elif len(sets) > 1:
            show_ranks(several.rankings)
            typer.echo(f"Report:  {several.folder / 'report.html'}, and a folder for each data set beside it")
        else:
            show(found.record)
            show_unknown(found.record)
            listings.show_files(found.record, found.folder)
        if not as_json:
            listings.show_cache(api.cache_size(out), out)
