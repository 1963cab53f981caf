"""What the terminal shows besides results: a data set, and the list of recipes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail.data.predicted import NONE
from longtail.report.columns import groups_told

if TYPE_CHECKING:
    from rich.console import Console

    from longtail.comparison.record import Results

SHOWN = 30
RULES = {
    "costs": "another is cheaper by the costs.",
    "a point": "the threshold of the point that the model was made for decides.",
    "thresholds": "the model decides by thresholds tuned for macro F1 on held-out training rows.",
}
"""Why rows are not given their most probable class, by ``Outcome.decided_by``."""


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
    if groups_told(facts["groups"]):
        console.print(
            f"{sizes['many']} frequent classes (more than 100 rows), {sizes['medium']} medium, "
            f"{sizes['few']} rare (under 20)"
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


WIDE = 120
"""Columns of a terminal from which on a recipe's paper stands beside it."""


def show_recipes(
    rows: Sequence[Mapping[str, str]], search: str | None = None, console: Console | None = None
) -> None:
    """Print name, one line, the prior of the scores, the settings and the paper of recipes, family by family.

    A wide terminal has a table, a narrow one a paragraph per recipe. Where nobody watches, it is a line per recipe, with
    tabs: name, family, what it does, paper, settings, prior, kinds of data.
    """
    from rich.console import Console

    console = console or Console()
    if not console.is_terminal:
        for row in rows:
            columns = ("name", "family", "summary", "paper", "settings", "prior", "kinds")
            console.file.write("\t".join(row[k] for k in columns) + "\n")
        return
    if not rows:
        console.print(f"No recipe says {search!r}." if search else "No recipe.", markup=False)
        return
    (_as_table if console.width >= WIDE else _as_paragraphs)(rows, console)
    said = f"{len(rows)} recipes. Settings follow a name, a colon before each: focal:gamma=1."
    console.print(said, style="dim", markup=False, highlight=False)


def _as_table(rows: Sequence[Mapping[str, str]], console: Console) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column("recipe", no_wrap=True)
    for title, ratio in (("what it does", 8), ("paper", 7), ("settings", 5), ("prior of its scores", 3)):
        table.add_column(title, ratio=ratio)
    family = ""
    for row in rows:
        if row["family"] != family:
            family = row["family"]
            table.add_section()
            table.add_row(Text(family, style="bold"))
        settings = Text(row["settings"].replace(":", ", "), style="cyan")
        paper = Text(row["paper"], style="dim")
        name, summary, prior = Text(row["name"], style="green"), Text(row["summary"]), Text(row["prior"])
        table.add_row(name, summary, paper, settings, prior)
    console.print(table)


def _as_paragraphs(rows: Sequence[Mapping[str, str]], console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    family = ""
    for row in rows:
        if row["family"] != family:
            family = row["family"]
            console.print(Text(f"\n{family}", style="bold"))
        console.print(Text.assemble((row["name"], "green"), f"  (prior of its scores: {row['prior']})"))
        settings = row["settings"].replace(":", ", ")
        below = (row["summary"], ""), (row["paper"], "dim"), (settings, "cyan")
        for text, style in below:
            if text:
                console.print(Padding(Text(text, style=style), (0, 0, 0, 4)))


def show_files(results: Results, folder: Path, console: Console | None = None) -> None:
    """Print where the report, the numbers and the model are, and how to use the model."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    console.print(Text.assemble(("Report:  ", "bold"), str(folder / "report.html")))
    console.print(
        Text.assemble(("Numbers: ", "bold"), f"{folder / 'results.csv'}, {folder / 'results.json'}")
    )
    rows = (
        f"{folder / 'predictions.csv'}. The most certain mistakes: longtail errors {shlex.quote(str(folder))}"
    )
    console.print(Text.assemble(("Rows:    ", "bold"), rows))
    model = results.model
    if model and model["path"]:
        use = f"longtail predict {model['path']} DATA --prior natural"
        console.print(
            Text.assemble(
                ("Model:   ", "bold"),
                f"{model['path']} ({model['recipe']}, {model.get('rows', 'all rows')}). Use it: {use}",
            )
        )
        if model.get("why"):
            console.print(Text(f"         {model['why']}"))
    elif model:
        console.print(Text.assemble(("Model:   ", "bold"), f"not saved: {model['why']}"))


def show_mistakes(found: Any, note: str = "", console: Console | None = None) -> None:
    """Print the most certain mistakes of a recipe, class by class; the row itself in one line, as far as it fits.

    Args:
        found: from ``longtail.api.errors``.
        note: why the rows are not shown.
    """
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    own = ("row", "fold", "seed", "truth", "decision", "probability", "p_truth")
    if not len(found):
        console.print(Text(f"{found.attrs['recipe']} made no mistake."))
        return
    console.print(Text(f"The most certain mistakes of {found.attrs['recipe']}, under the declared prior:"))
    truth = object()
    for row in found.to_dict("records"):
        if row["truth"] != truth:
            truth = row["truth"]
            console.print(Text(f"\n{truth}", style="bold"))
        said = f"  row {row['row']}, fold {row['fold'] + 1}: taken for {row['decision']} ({row['probability']:.3f})"
        console.print(Text(said))
        inputs = [(name, value) for name, value in row.items() if name not in own]
        line = ", ".join(str(v) if name == "text" else f"{name}={v}" for name, v in inputs)
        if line:
            console.print(
                Text("    " + " ".join(line.split()), style="dim"), overflow="ellipsis", no_wrap=True
            )
    if note:
        console.print(Text(f"\n{note}"), style="yellow")


def show_cache(size: int, folder: Path, console: Console | None = None) -> None:
    """Print what going on from here takes on disk, and how to free it; nothing below a megabyte."""
    from rich.console import Console
    from rich.text import Text

    if size >= 1e6:
        free = f"`longtail clean {folder}` frees it, and keeps results, report and model"
        text = f"{memory(size)} in {folder}, to go on from here; {free}"
        (console or Console()).print(Text.assemble(("Cache:   ", "bold"), text))


def memory(size: int) -> str:
    """Bytes for people.

    >>> memory(1_900_000), memory(2_500_000_000)
    ('1.9 MB', '2.5 GB')
    """
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def show_predicted(
    frame: Any, prior: str, out: Path, notes: Sequence[str], console: Console | None = None
) -> None:
    """Print what was read, how often each class was predicted, and the scores where the data had labels.

    Args:
        frame: from ``longtail.predict``.
        prior: as the user wrote it.
        notes: on reading, in the words of the command line.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = console or Console()
    for note in notes:
        console.print(Text("  " + note), style="dim", soft_wrap=True)
    counts = frame["prediction"].value_counts()
    by = "by experts weighed for these rows" if prior == "experts" else f"under the {prior} prior"
    console.print(Text(f"{len(frame)} rows to {out}, {by}:"), soft_wrap=True)
    for name, count in counts.head(20).items():
        console.print(Text(f"  {name}: {count}"), soft_wrap=True)
    if len(counts) > 20:
        console.print(f"  and {len(counts) - 20} more classes", style="dim")
    given = frame["prediction"] != NONE if "rejected" in frame.attrs else frame["prediction"].notna()
    if differ := int((given & (frame["prediction"] != frame["most_probable"])).sum()):
        rule = RULES.get(frame.attrs.get("decided_by", ""), RULES["thresholds"])
        said = f"{differ} of {len(frame)} rows are not given their most probable class (column most_probable): {rule}"
        console.print(Text(said), soft_wrap=True)
    scores = frame.attrs.get("scores")
    if not scores:
        return
    table = Table(box=None, pad_edge=False, title_justify="left", title="scores by the labels in the data")
    table.add_column("")
    titles = {"declared": f"under the {prior} prior", "file": "classes as frequent as in the file"}
    for key in scores:
        table.add_column(titles[key], justify="right")
    for metric in next(iter(scores.values())):
        table.add_row(metric.replace("_", " "), *(f"{row[metric]:.3f}" for row in scores.values()))
    console.print(table)
    if opened := frame.attrs.get("open_set"):
        said = (
            f"rejection, by the labels in the data: {opened['known_accuracy']:.3f} of the rows of known classes are "
            f"kept and right, {opened['known_rejected']:.3f} rejected"
        )
        if opened["unknown_rejected"] == opened["unknown_rejected"]:
            said += (
                f"; of the others {opened['unknown_rejected']:.3f} are rejected (F-measure {opened['f_measure']:.3f}, "
                f"AUROC {opened['auroc']:.3f})"
            )
        console.print(Text(said), soft_wrap=True)


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
        console.print(f"  {note}", style="dim", markup=False, highlight=False, soft_wrap=True)
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
