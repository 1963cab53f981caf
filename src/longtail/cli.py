"""The command line. Each command is the function of that name in ``longtail.api``; here options are read and printed."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from longtail.memory import keep_freed

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Long-tailed (class-imbalanced) learning: compare what works on **your** data, and keep the model.",
)

Data = Annotated[
    str, typer.Argument(help="csv, tsv, jsonl, parquet, npz, safetensors, a folder of images, or digits-lt.")
]
Kind = Annotated[str | None, typer.Option(help="table, text, image or embedding; detected if left out.")]
Text = Annotated[str | None, typer.Option(help="Name of the text column.")]
LabelColumn = Annotated[str | None, typer.Option("--label", help="Name of the label column.")]
Features = Annotated[
    str | None, typer.Option(help="Columns to use, separated by commas; all others are left out.")
]
NoHeader = Annotated[bool, typer.Option("--no-header", help="The file's first line is data, not names.")]
Imbalance = Annotated[
    float | None, typer.Option(help="Make the classes long-tailed at this imbalance factor first.")
]
Unlabelled = Annotated[
    str | None, typer.Option(help="Rows like the data's, without labels, for recipes that learn from them.")
]
PriorOption = Annotated[
    str,
    typer.Option(
        help="Class frequencies where you deploy: natural (as in the data), balanced, or a JSON file."
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


@app.command()
def compare(
    data: Annotated[
        list[str],
        typer.Argument(
            help="csv, tsv, jsonl, parquet, npz, safetensors, a folder of images, or digits-lt; several are ranked over."
        ),
    ],
    recipes: Annotated[
        str | None,
        typer.Option(
            help="Names separated by commas; `longtail recipes` lists them. METHOD+ESTIMATOR, such as smote+logistic, "
            "is a classical recipe on resampled rows."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(help="Each row is tested once.")] = 5,
    seeds: Annotated[int, typer.Option(help="Repetitions with other initial weights and order.")] = 1,
    prior: PriorOption = "natural",
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
        bool, typer.Option(help="Train the best recipe on all rows at the end, and keep it.")
    ] = True,
    kind: Kind = None,
    text: Text = None,
    label: LabelColumn = None,
    features: Features = None,
    no_header: NoHeader = False,
    imbalance: Imbalance = None,
    unlabelled: Unlabelled = None,
) -> None:
    """Say which recipes work on your data, by how much, how surely, and hand you the model."""
    from longtail import api
    from longtail.report import listings, show
    from longtail.report.progress import progress
    from longtail.report.ranks import show_ranks

    with errors():
        seconds = None if budget is None else duration(budget)
        sets = [read(path, kind, text, label, features, no_header, imbalance, unlabelled) for path in data]
        for dataset in sets:
            listings.show_dataset(api.inspect(dataset))
        settings: dict[str, Any] = {
            "recipes": names(recipes), "folds": folds, "seeds": seeds, "baseline": baseline,
            "jobs": jobs or os.cpu_count() or 1, "budget": seconds, "out": out, "backbone": backbone, "epochs": epochs,
            "tuning": tuning, "duplicates": duplicates, "model": model, "command": command(),
        }  # fmt: skip
        try:
            with progress() as on:
                if len(sets) > 1:
                    several = api.compare_several(sets, prior=prior, on=on, **settings)
                else:
                    one = api.read_prior(prior, sets[0].labels.names)
                    found = api.compare(sets[0], prior=one, on=on, **settings)
        except KeyboardInterrupt:
            typer.echo("\nStopped. Nothing finished is lost: the same command goes on from here.", err=True)
            raise typer.Exit(130) from None
        if len(sets) > 1:
            show_ranks(several.rankings)
            typer.echo(f"Report:  {several.folder / 'report.html'}, and a folder for each data set beside it")
        else:
            show(found.results)
            listings.show_files(found.results, found.folder)


@app.command()
def train(
    data: Data,
    recipe: Annotated[str, typer.Option(help="Name of the recipe.")] = "erm",
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("longtail-model"),
    backbone: Backbone = None,
    epochs: Epochs = None,
    tuning: Tuning = "refit",
    kind: Kind = None,
    text: Text = None,
    label: LabelColumn = None,
    features: Features = None,
    no_header: NoHeader = False,
    imbalance: Imbalance = None,
    unlabelled: Unlabelled = None,
) -> None:
    """Train one recipe on all rows and save the model."""
    from longtail import api
    from longtail.report.progress import progress

    with errors():
        dataset = read(data, kind, text, label, features, no_header, imbalance, unlabelled)
        with progress() as on:
            api.train(dataset, recipe=recipe, out=out, backbone=backbone, epochs=epochs, tuning=tuning, on=on)
        if os.environ.get("RANK", "0") != "0":
            return
        typer.echo(f"Saved to {out}. Use it: longtail predict {shlex.quote(str(out))} DATA --prior natural")


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="Folder that train or compare wrote.")],
    data: Data,
    prior: PriorOption = "natural",
    out: Annotated[Path, typer.Option(help="csv, tsv, jsonl, parquet or xlsx file to write.")] = Path(
        "predictions.csv"
    ),
    raw: Raw = False,
    text: Text = None,
    no_header: NoHeader = False,
) -> None:
    """Predict classes and probabilities under the prior you deploy under."""
    from longtail import api

    with errors():
        loaded = api.Model.load(model)
        how = {"text": text, "header": False if no_header else None}
        chosen = api.read_prior(prior, loaded.names)
        frame = api.predict(
            loaded, data, prior=chosen, out=out, raw=raw, **{k: v for k, v in how.items() if v is not None}
        )
        counts = frame["prediction"].value_counts()
        typer.echo(f"{len(frame)} rows to {out}, under the {prior} prior:")
        for name, count in counts.head(20).items():
            typer.echo(f"  {name}: {count}")


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
        typer.Option(help="A class without training rows: error, or rarest (as rare as the rarest seen)."),
    ] = "error",
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
        listings.show_adjusted(found)
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
    recipes: Annotated[str, typer.Option(help="Names separated by commas, or all.")] = "all",
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
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Run the step through torch.compile.")] = False,
    graphs: Annotated[bool, typer.Option(help="On an NVIDIA GPU, record a step once and replay it.")] = True,
    out: Annotated[Path, typer.Option(help="Folder for the table, the results and the figures.")] = Path(
        "longtail-bench"
    ),
) -> None:
    """Reproduce the published CIFAR-LT table: last epoch, whole balanced test set, beside the published numbers."""
    from longtail import api
    from longtail.report.progress import progress

    with errors():
        on_gpu = api.Engine(device=device).on.type == "cuda"
        engine = api.Engine(
            device=device,
            precision=precision or ("bf16" if on_gpu else "fp32"),
            compile=compiled,
            graphs=graphs,
        )
        try:
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
        except KeyboardInterrupt:
            typer.echo("\nStopped. Nothing finished is lost: the same command goes on from here.", err=True)
            raise typer.Exit(130) from None
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
    look: Annotated[
        str, typer.Option(help="Epochs after which p_t and gradients are drawn, beside the last.")
    ] = "1,3",
) -> None:
    """Run a published experiment again, with tests for what it claims."""
    from longtail import api
    from longtail.report.progress import progress
    from longtail.reproduce.words import show

    with errors():
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
                on=on,
                command=command(),
            )
        show(found)
        typer.echo(f"Written to {out}: reviews.html, reviews.csv, reviews.json, figures/")


@app.command()
def inspect(
    data: Data,
    kind: Kind = None,
    text: Text = None,
    label: LabelColumn = None,
    features: Features = None,
    no_header: NoHeader = False,
    imbalance: Imbalance = None,
) -> None:
    """Show the class distribution, the imbalance factor, and what to watch out for."""
    from longtail import api
    from longtail.report import listings

    with errors():
        facts = api.inspect(read(data, kind, text, label, features, no_header, imbalance))
        listings.show_dataset(facts, full=True)


@app.command()
def recipes() -> None:
    """List every recipe: its paper, the prior its logits carry, and one line."""
    from longtail import api
    from longtail.report import listings

    listings.show_recipes(api.recipes())


def read(
    data: str,
    kind: str | None,
    text: str | None,
    label: str | None,
    features: str | None,
    no_header: bool,
    imbalance: float | None,
    unlabelled: str | None = None,
) -> Any:
    """Read the data as the options say."""
    from longtail import api

    return api.load(
        data, kind=kind, text=text, label=label, features=names(features), header=False if no_header else None,
        imbalance=imbalance, unlabelled=unlabelled,
    )  # fmt: skip


def names(text: str | None) -> list[str] | None:
    """Names separated by commas."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


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
    """What the user can mend is one clear line, not a traceback."""
    try:
        yield
    except typer.Exit:
        raise
    except (ValueError, TypeError, ImportError, RuntimeError, OSError) as why:
        if os.environ.get("LONGTAIL_DEBUG"):
            raise
        from rich.console import Console
        from rich.markup import escape

        Console(stderr=True).print(f"[bold red]Error:[/] {escape(str(why))}", soft_wrap=True)
        raise typer.Exit(2) from None


def main() -> None:
    """Entry point."""
    keep_freed()
    app()


if __name__ == "__main__":
    main()
