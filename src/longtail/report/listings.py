"""What the terminal shows besides results: a data set, and the list of recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 30


def show_dataset(facts: Mapping[str, Any], *, full: bool = False, console: Console | None = None) -> None:
    """Print what was read and what to watch out for; ``full`` adds a bar a class.

    Args:
        facts: from ``longtail.data.inspect_facts``.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    head = f": {facts['kind']} data, {facts['n']:,} rows, {facts['classes']} classes, imbalance {facts['imbalance']:.3g}"
    console.print(Text.assemble((facts["name"], "bold"), head))
    for note in facts["notes"]:
        console.print(Text("  " + note), style="dim")
    for warning in facts["warnings"]:
        console.print(Text("  ! " + warning), style="yellow")
    if not full:
        return
    sizes = {name: len(members) for name, members in facts["groups"].items()}
    console.print(
        f"{sizes['many']} frequent classes (more than 100 rows), {sizes['medium']} medium, {sizes['few']} rare (under 20)"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("class", overflow="ellipsis", max_width=30)
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    order = sorted(range(facts["classes"]), key=lambda k: -facts["counts"][k])
    left_out = len(order) - SHOWN
    if left_out > 0:
        order = order[: SHOWN // 2] + order[-SHOWN // 2 :]
    most = max(facts["counts"])
    for k in order:
        n = facts["counts"][k]
        bar = "█" * max(1, round(30 * n / most)) if n else ""
        table.add_row(Text(facts["names"][k]), f"{n:,}", f"{n / facts['n']:.2%}", bar)
    console.print(table)
    if left_out > 0:
        console.print(f"({left_out} classes between them are not shown)", style="dim")


def show_recipes(rows: Sequence[Mapping[str, str]], console: Console | None = None) -> None:
    """Print name, one line, the prior the logits carry, and the paper of every recipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", leading=1)
    table.add_column("recipe", no_wrap=True)
    table.add_column("what it does, and its paper")
    table.add_column("prior of its logits")
    for row in rows:
        paper = f"\n{row['paper']}" if row["paper"] else ""
        table.add_row(row["name"], Text.assemble(row["summary"], (paper, "dim")), row["prior"])
    (console or Console()).print(table)


def show_files(results: Mapping[str, Any], folder: Path, console: Console | None = None) -> None:
    """Print where the report, the numbers and the model are, and how to use the model."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    console.print(Text.assemble(("Report:  ", "bold"), str(folder / "report.html")))
    console.print(
        Text.assemble(("Numbers: ", "bold"), f"{folder / 'results.csv'}, {folder / 'results.json'}")
    )
    model = results.get("model")
    if model and model["path"]:
        use = f"longtail predict {model['path']} DATA --prior natural"
        console.print(
            Text.assemble(
                ("Model:   ", "bold"), f"{model['path']} ({model['recipe']}, all rows). Use it: {use}"
            )
        )
    elif model:
        console.print(Text.assemble(("Model:   ", "bold"), f"not saved: {model['why']}"))


def show_adjusted(adjusted: Any, console: Console | None = None) -> None:
    """Print scores before and after an adjustment under each prior, with their bootstrap intervals.

    Args:
        adjusted: from ``longtail.adjust.adjust_predictions``.
    """
    from rich.console import Console
    from rich.table import Table

    console = console or Console()
    if adjusted.worse is not None:
        console.print(adjusted.worse, style="bold red", markup=False, highlight=False)
    console.print(f"{len(adjusted.predictions):,} rows; prior taken out: {adjusted.source}")
    shown = ", ".join(adjusted.predictions.names[:20]) + (
        " ..." if len(adjusted.predictions.names) > 20 else ""
    )
    console.print(f"classes, in the order of the columns: {shown}", markup=False, highlight=False)
    for note in adjusted.notes:
        console.print(f"  {note}", style="dim", markup=False, highlight=False)
    if not adjusted.scores:
        console.print("No labels in the file, so there is nothing to score.", style="dim")
    for prior, rows in adjusted.scores.items():
        table = Table(title=f"scored under the {prior} prior", title_justify="left", box=None, pad_edge=False)
        table.add_column("")
        for row in rows:
            table.add_column(f"{row} [95 %]", justify="right")
        for metric in rows["before"]:
            cells = [
                f"{v:+.3f}" if row == "change" else f"{v:.3f}" for row in rows for v in rows[row][metric][:1]
            ]
            ranges = [f" [{rows[row][metric][1]:.3f}, {rows[row][metric][2]:.3f}]" for row in rows]
            table.add_row(metric.replace("_", " "), *(c + r for c, r in zip(cells, ranges)))
        console.print(table)
