"""The command line. Each command is the function of that name in ``longtail.api``; here options are read and printed."""

from __future__ import annotations

import _thread
import os
import re
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from longtail.memory import keep_freed
from longtail.options import PREDICTING, as_options, names, options_of, reads

STARTED = time.monotonic()
"""A budget counts from here: what it takes to load libraries and to read the data is a part of it."""

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    epilog="Exit codes: 0 done; 1 a fault of longtail's, or every run failed; 2 something in the input to mend; "
    "3 out of time with nothing finished; 130 stopped by Ctrl-C, 143 by SIGTERM.",
)


def show_version(asked: bool) -> None:
    if asked:
        from longtail import __version__

        typer.echo(f"longtail {__version__}")
        raise typer.Exit(0)


@app.callback()
def longtail(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", is_eager=True, callback=show_version)
    ] = False,
) -> None:
    """Long-tailed (class-imbalanced) learning: compare what works on **your** data, and keep the model."""


Data = Annotated[
    str,
    typer.Argument(
        help="csv, tsv, jsonl, json, parquet, xlsx, arff, npz, ..., a folder of images, digits-lt or islands-lt."
    ),
]
Unlabelled = Annotated[
    str | None, typer.Option(help="Rows like the data's, without labels, for recipes that learn from them.")
]
PriorOption = Annotated[
    str,
    typer.Option(
        help="Class frequencies where you deploy: natural (as in the data), balanced, 0.7,0.3 or sick=0.3,healthy=0.7, "
        "or a JSON file."
    ),
]
Raw = Annotated[
    bool, typer.Option("--raw", help="Leave cells alone that a spreadsheet would run as a formula.")
]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="resnet8, resnet20, resnet32, mlp or linear; hf:FOLDER_OR_NAME or timm:NAME for a pre-trained encoder, with "
        "options behind it: hf:NAME,tune=frozen|lora|full,pool=cls|mean. Default by kind of data."
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs of the first stage; later stages scale with it.")]
Tuning = Annotated[
    str,
    typer.Option(
        help="refit: what a recipe leaves open is fitted on an inner split, then it trains on all rows. "
        "holdout: half the cost, trains without the inner split."
    ),
]
Device = Annotated[
    str, typer.Option(help="auto (a GPU where there is one), cpu, cuda, or one of several GPUs: cuda:1.")
]
Precision = Annotated[
    str | None,
    typer.Option(help="fp32 (the default); or tf32 or bf16, faster on an NVIDIA GPU from 2020 on."),
]
Graphs = Annotated[bool, typer.Option(help="On an NVIDIA GPU, record a step once and replay it.")]


@app.command()
@reads()
def compare(
    data: Annotated[
        list[str],
        typer.Argument(
            help="csv, tsv, jsonl, parquet, xlsx, arff, npz, ..., a folder of images, digits-lt or islands-lt; several "
            "are ranked."
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
    prior: PriorOption = "natural",
    metric: Annotated[
        str | None,
        typer.Option(
            help="What recipes are ranked by, such as average_precision_rarest. Default: balanced_accuracy under the "
            "balanced prior, macro_f1 under others."
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
    from longtail.report import listings, show
    from longtail.report.ranks import show_ranks

    with errors():
        engine = api.engine_of(device=device, precision=precision, graphs=graphs)
        seconds = None if budget is None else duration(budget)
        with watched(quiet or as_json) as on:
            sets = [api.load(path, on=on, unlabelled=unlabelled, **how) for path in data]
        for dataset in sets if not (quiet or as_json) else ():
            listings.show_dataset(said(api.inspect(dataset)))
        settings: dict[str, Any] = {
            "recipes": names(recipes), "folds": folds, "seeds": seeds, "metric": metric, "baseline": baseline,
            "jobs": jobs or os.cpu_count() or 1, "budget": seconds, "began": STARTED, "out": out, "backbone": backbone,
            "epochs": epochs,
            "tuning": tuning, "duplicates": duplicates, "model": model, "engine": engine, "command": command(),
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
            listings.show_files(found.record, found.folder)
        if not as_json:
            listings.show_cache(api.cache_size(out), out)


@app.command()
@reads()
def train(
    data: Data,
    recipe: Annotated[
        str, typer.Option(help="Name of the recipe; settings may follow, as in focal:gamma=1.")
    ] = "erm",
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("longtail-model"),
    backbone: Backbone = None,
    epochs: Epochs = None,
    tuning: Tuning = "refit",
    device: Device = "auto",
    precision: Precision = None,
    graphs: Graphs = True,
    unlabelled: Unlabelled = None,
    how: Any = None,
) -> None:
    """Train one recipe on all rows and save the model."""
    from longtail import api
    from longtail.report import listings
    from longtail.report.progress import progress

    with errors():
        engine = api.engine_of(device=device, precision=precision, graphs=graphs)
        dataset = api.load(data, unlabelled=unlabelled, **how)
        if os.environ.get("RANK", "0") == "0":
            listings.show_dataset(said(api.inspect(dataset)))
        with progress() as on:
            api.train(
                dataset,
                recipe=recipe,
                out=out,
                backbone=backbone,
                epochs=epochs,
                tuning=tuning,
                engine=engine,
                on=on,
            )
        if os.environ.get("RANK", "0") != "0":
            return
        typer.echo(f"Saved to {out}. Use it: longtail predict {shlex.quote(str(out))} DATA --prior natural")


@app.command()
@reads(*PREDICTING)
def predict(
    model: Annotated[Path, typer.Argument(help="Folder that train or compare wrote.")],
    data: Data,
    prior: PriorOption = "natural",
    out: Annotated[
        Path, typer.Option(help="File to write: csv, tsv, jsonl, parquet, feather or xlsx, by its ending.")
    ] = Path("predictions.csv"),
    keep: Annotated[
        str | None, typer.Option(help="Columns of the data to keep, separated by commas, or all.")
    ] = None,
    raw: Raw = False,
    device: Device = "auto",
    precision: Precision = None,
    how: Any = None,
) -> None:
    """Predict classes and probabilities under the prior you deploy under; with labels in the data, score them."""
    from longtail import api
    from longtail.report import listings

    with errors():
        api.check_table_file(out)
        engine = api.engine_of(device=device, precision=precision)
        loaded = api.Model.load(api.model_folder(model), engine)
        frame = api.predict(
            loaded, data, prior=prior, out=out, keep=names(keep) or (), raw=raw, say=lambda note: None, **how
        )  # shown with the result
        listings.show_predicted(frame, prior, out, [plain(note) for note in frame.attrs["notes"]])


@app.command()
def adjust(
    predictions: Annotated[
        Path, typer.Argument(help="csv, tsv, jsonl, parquet or npz: columns p_* or logit_*, and label.")
    ],
    counts: Annotated[
        Path, typer.Option(help="JSON: training rows per class, a list or an object by class name.")
    ],
    prior: PriorOption = "balanced",
    from_prior: Annotated[
        str | None, typer.Option(help="The prior the model was trained under, if not the counts'.")
    ] = None,
    held: Annotated[
        Path | None, typer.Option(help="Predictions on held-out rows with labels, to calibrate on first.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="probabilities or logits, if the columns do not say.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Name of the label column; label or labels if left out.")
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="Class names in the order of numbered columns, separated by commas.")
    ] = None,
    unseen: Annotated[
        str,
        typer.Option(help="A class without training rows: rarest (counts as the rarest seen), or error."),
    ] = "rarest",
    out: Annotated[Path, typer.Option(help="Folder for the adjusted predictions and the adjuster.")] = Path(
        "longtail-adjusted"
    ),
    raw: Raw = False,
) -> None:
    """Make any model's saved predictions right for the prior you deploy under, without retraining."""
    from longtail import api
    from longtail.report import listings
    from longtail.report.progress import progress

    with errors():
        with progress() as on:
            found = api.adjust(
                predictions,
                counts=counts,
                prior=prior,
                from_prior=from_prior,
                held=held,
                kind=kind,
                label=label,
                classes=names(classes),
                unseen=unseen,
                out=out,
                raw=raw,
                on=on,
            )
        listings.show_adjusted(replace(found, notes=tuple(map(plain, found.notes))))
        typer.echo(
            f"Written to {out}. In production: longtail.adjust.load({str(out / 'adjuster.json')!r})(logits)"
        )


@app.command()
def bench(
    benchmark: Annotated[str, typer.Argument(help="cifar10-lt or cifar100-lt.")],
    data: Annotated[
        str,
        typer.Option(help="Folder with train and test parquet (Hugging Face schema), or hub to fetch it."),
    ],
    imbalance: Annotated[str, typer.Option(help="Imbalance factors separated by commas.")] = "100,50,10",
    recipes: Annotated[
        str, typer.Option(help="Names separated by commas, with settings (focal:gamma=1) or without; or all.")
    ] = "all",
    seeds: Annotated[int, typer.Option(help="Runs with other subsets, initial weights and orders.")] = 3,
    vary: Annotated[
        str | None,
        typer.Option(help="subset,init,order: further runs in which that alone changes; splits the spread."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="quick: ResNet-8, 15 epochs, minutes a run on one core.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="ldam (SGD and steps, the default) or modern (Nesterov and a cosine).")
    ] = None,
    augment: Annotated[
        str | None,
        typer.Option(help="crop-flip, autoaugment or randaugment (both with cutout); default by protocol."),
    ] = None,
    epochs: Epochs = None,
    backbone: Annotated[str | None, typer.Option(help="resnet32 (the default), resnet20 or resnet8.")] = None,
    tuning: Annotated[
        str, typer.Option(help="refit: fit tau and calibrators on a held-out part. none: own decisions only.")
    ] = "refit",
    curve: Annotated[
        int,
        typer.Option(help="Measure test accuracy every so many epochs, for the curves only; 0: at the end."),
    ] = 0,
    jobs: Annotated[int, typer.Option(help="Runs side by side, on one GPU too.")] = 1,
    budget: Annotated[str | None, typer.Option(help="Time to stop at, such as 90s, 10m or 2h.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, tf32 or bf16; default bf16 on a GPU.")] = None,
    device: Device = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Run the step through torch.compile.")] = False,
    graphs: Graphs = True,
    out: Annotated[Path, typer.Option(help="Folder for the table, the results and the figures.")] = Path(
        "longtail-bench"
    ),
) -> None:
    """Reproduce the published CIFAR-LT table: last epoch, whole balanced test set, beside the published numbers."""
    from longtail import api
    from longtail.report.progress import progress

    with errors():
        best = "bf16" if api.Engine(device=device).on.type == "cuda" else "fp32"
        engine = api.engine_of(device=device, precision=precision or best, compile=compiled, graphs=graphs)
        with progress() as on:
            api.bench(
                benchmark,
                data=data,
                imbalances=[float(f) for f in names(imbalance) or ()],
                recipes=None if recipes == "all" else names(recipes),
                seeds=seeds,
                vary=names(vary) or (),
                preset=preset,
                protocol=protocol,
                augment=augment,
                epochs=epochs,
                backbone=backbone,
                tuning=tuning,
                curve=curve,
                jobs=jobs,
                budget=None if budget is None else duration(budget),
                out=out,
                engine=engine,
                on=on,
                command=command(),
            )
        typer.echo((out / "table.md").read_text(encoding="utf-8"))
        typer.echo(f"Table: {out / 'table.md'}; every run: {out / 'results.csv'}; figures: {out}/*.svg")


@app.command()
def reproduce(
    experiment: Annotated[str, typer.Argument(help="reviews: which loss finds the rare class?")],
    data: Annotated[str | None, typer.Argument(help="The data, if not found through LONGTAIL_DATA.")] = None,
    folds: Annotated[int, typer.Option(help="Each row is tested once a seed.")] = 5,
    seeds: Annotated[int, typer.Option(help="Repetitions with other initial weights and order.")] = 1,
    jobs: Annotated[int, typer.Option(help="Processes that work side by side; 0 takes one a core.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the page, the figures and the numbers.")] = Path(
        "longtail-reviews"
    ),
    backbone: Backbone = None,
    epochs: Epochs = None,
    device: Device = "auto",
    precision: Precision = None,
    graphs: Graphs = True,
    look: Annotated[
        str, typer.Option(help="Epochs after which p_t and gradients are drawn, beside the last.")
    ] = "1,3",
) -> None:
    """Run a published experiment again, with tests for what it claims."""
    from longtail import api
    from longtail.report.progress import progress
    from longtail.reproduce.words import show

    with errors():
        engine = api.engine_of(device=device, precision=precision, graphs=graphs)
        with progress() as on:
            found = api.reproduce(
                experiment,
                data,
                folds=folds,
                seeds=seeds,
                backbone=backbone,
                epochs=epochs,
                look=[int(e) for e in names(look) or []],
                jobs=jobs or os.cpu_count() or 1,
                out=out,
                engine=engine,
                on=on,
                command=command(),
            )
        show(found)
        typer.echo(f"Written to {out}: reviews.html, reviews.csv, reviews.json, figures/")


@app.command()
@reads()
def inspect(
    data: Data,
    how: Any = None,
) -> None:
    """Show the class distribution, the imbalance factor, and what to watch out for."""
    from longtail import api
    from longtail.report import listings

    with errors():
        listings.show_dataset(said(api.inspect(data, **how)), full=True)


@app.command("errors")
@reads()
def mistakes(
    out: Annotated[Path, typer.Argument(help="Folder that compare wrote.")] = Path("longtail-out"),
    recipe: Annotated[str | None, typer.Option(help="Whose mistakes. Default: the best recipe's.")] = None,
    per_class: Annotated[int, typer.Option(help="Mistakes of each true class, at most.")] = 5,
    data: Annotated[
        str | None, typer.Option(help="The data that were compared, if they are no longer where they were.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="File to write them to as well: csv, parquet, ...")] = None,
    how: Any = None,
) -> None:
    """Show the most certain mistakes of the best recipe, class by class, with the row itself."""
    from longtail import api
    from longtail.report import listings

    with errors():
        if to is not None:
            api.check_table_file(to)
        found = api.errors(out, recipe=recipe, per_class=per_class, data=data, **how)
        listings.show_mistakes(found, plain(found.attrs["note"]))
        if to is not None:
            api.write_table(found, to)


@app.command()
def clean(
    out: Annotated[Path, typer.Argument(help="Folder that compare or bench wrote.")] = Path("longtail-out"),
) -> None:
    """Free the disk space that compare keeps to go on from; results, report and model stay."""
    from longtail import api
    from longtail.report import listings

    with errors():
        typer.echo(
            f"{listings.memory(api.clean(out))} freed in {out}. Results, report and model are as they were."
        )


@app.command()
def recipes(
    search: Annotated[str | None, typer.Argument(help="Only recipes that say this word somewhere.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only recipes for this kind of data: table, text, image or embedding.")
    ] = None,
) -> None:
    """List every recipe by family: one line, its paper, the prior its logits carry, and its settings."""
    from longtail import api
    from longtail.report import listings

    with errors():
        listings.show_recipes(api.recipes(kind, search), search)


@contextmanager
def watched(quiet: bool) -> Iterator[Any]:
    """Where progress goes: to the terminal, or nowhere."""
    from longtail.report.progress import progress

    if quiet:
        yield lambda event: None
        return
    with progress() as on:
        yield on


def commands() -> dict[str, set[str]]:
    """The options of each command, as Python has them."""
    found = {c.name or c.callback.__name__: c.callback for c in app.registered_commands if c.callback}
    return {name: options_of(call) for name, call in found.items()}


def running() -> set[str]:
    """The options of the command that runs; all where it is none of ours."""
    known = commands()
    return known.get(sys.argv[1] if len(sys.argv) > 1 else "", set().union(*known.values()))


def plain(message: str) -> str:
    """A message in the words of the command that runs."""
    return as_options(message, running())


def said(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts on a data set, with notes and warnings in the words of the command line."""
    return {**facts, **{k: [plain(note) for note in facts[k]] for k in ("notes", "warnings")}}


def duration(text: str) -> float:
    """Seconds from 90, 90s, 10m or 2h.

    >>> duration("10m")
    600.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found or float(found[1]) <= 0:
        raise ValueError(f"--budget {text!r} must be a time such as 90s, 10m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def command() -> str:
    """The command as it was typed."""
    return shlex.join(["longtail", *sys.argv[1:]])


@contextmanager
def errors() -> Iterator[None]:
    """What the user can mend is one clear line, not a traceback; the exit code says which kind of end it was."""
    try:
        yield
    except (typer.Exit, BrokenPipeError):  # the latter: `longtail recipes | head`
        raise
    except (KeyboardInterrupt, Terminated) as why:
        stopped(why)
    except Exception as why:
        if os.environ.get("LONGTAIL_DEBUG"):
            raise
        from longtail.comparison.counted import RunsFailed
        from longtail.executors import WorkerDied
        from longtail.files import InUse
        from longtail.run.engine import OutOfTime

        code = 2 if isinstance(why, (*INPUT, InUse, WorkerDied)) else 3 if isinstance(why, OutOfTime) else 1
        text = str(why) or type(why).__name__
        if isinstance(why, OSError) and why.strerror:  # what the system refuses names its file in attributes
            text = f"{why.filename or 'a file'}: {why.strerror}"
        if isinstance(why, MemoryError):
            text = (
                f"not enough memory ({text}): {'fewer --jobs, or ' if 'jobs' in running() else ''}fewer rows"
            )
        if code == 1 and not isinstance(why, RunsFailed):
            text = f"a fault of longtail's: {type(why).__name__}: {text}. LONGTAIL_DEBUG=1 shows where; please report it"
        say_error("Out of time" if code == 3 else "Error", plain(text))
        raise typer.Exit(code) from None


INPUT = (ValueError, TypeError, OSError, ImportError, MemoryError)
"""What the user can mend."""


def say_error(title: str, text: str) -> None:
    from rich.console import Console
    from rich.markup import escape

    Console(stderr=True).print(f"[bold red]{title}:[/] {escape(text)}", soft_wrap=True)


class Terminated(BaseException):
    """SIGTERM, as batch systems and containers send it: a stop like Ctrl-C."""


def terminated(number: int, frame: Any) -> NoReturn:
    """The handler of SIGTERM."""
    raise Terminated


def come_again(ignored: Any) -> None:
    """A stop that Python met in a destructor, where it can only be ignored, comes again a moment later.

    For ``sys.unraisablehook``.
    """
    number = {KeyboardInterrupt: signal.SIGINT, Terminated: signal.SIGTERM}.get(ignored.exc_type)
    if number is None:
        sys.__unraisablehook__(ignored)
        return
    later = threading.Timer(0.05, _thread.interrupt_main, (number,))
    later.daemon = True
    later.start()


def code_of(stop: BaseException) -> int:
    """128 and the number of the signal, as shells have it."""
    return 143 if isinstance(stop, Terminated) else 130


def stopped(stop: BaseException) -> NoReturn:
    """Ctrl-C or SIGTERM, said in a line."""
    typer.echo("\nStopped. Nothing finished is lost: the same command goes on from here.", err=True)
    raise typer.Exit(code_of(stop)) from None


def main() -> None:
    """Entry point."""
    try:
        signal.signal(signal.SIGTERM, terminated)
        sys.unraisablehook = come_again
        keep_freed()
        app()
    except (KeyboardInterrupt, Terminated) as stop:  # before a command began, or while it ended
        sys.exit(code_of(stop))


if __name__ == "__main__":
    main()
