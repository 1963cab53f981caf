"""Figures of the reviews experiment, as the write-ups of it draw them: scores by fold, p_t, gradient norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from reviews.findings import Line

from longtail.figures.gradient_norm import BINS, GRID
from longtail.report.svg import COLOURS, drawing, inline, shortened

WIDTH = 7.2  # inches


def scores(lines: Sequence[Line], positive: str) -> str:
    """F1 of every fold and seed, a row a loss; the bar is the mean. Best mean on top."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(WIDTH, 0.27 * len(lines) + 0.6))
        axes = figure.add_axes((0.2, 0.5 / figure.get_figheight(), 0.77, 1 - 0.6 / figure.get_figheight()))
        worst = min(min(min(row) for row in line.scores) for line in lines)
        low = max(
            worst, max(line.mean for line in lines) - 0.2
        )  # a loss that failed must not hide the others
        for k, line in enumerate(lines):
            values = np.array(line.scores).ravel()
            focal = line.name.startswith("focal")
            colour = COLOURS["s2"] if focal else COLOURS["accent"]
            axes.plot(values, np.full(len(values), k), "o", color=colour, alpha=0.6, markersize=4.5)
            axes.plot([line.mean] * 2, [k - 0.32, k + 0.32], color=COLOURS["ink"], linewidth=1.6)
            if line.mean < low:
                axes.annotate(f"◂ mean {line.mean:.3f}", (low, k), (4, 0), textcoords="offset points", va="center",
                              color=COLOURS["muted"], fontsize=9)  # fmt: skip
        axes.set_xlim(low - 0.004, max(line.best for line in lines) + 0.01)
        axes.set_yticks(range(len(lines)), [line.name for line in lines])
        axes.set_ylim(len(lines) - 0.4, -0.6)
        axes.grid(False, axis="y")
        axes.set_xlabel(f"F1 of class {shortened(positive)}, one dot a fold and seed (orange: focal)")
        return inline(figure, "scores", "F1 of every fold and seed by loss")


def probed(name: str, found: dict[str, Any], names: Sequence[str]) -> str:
    """Three panels for one loss: p_t by class, the gradient norm with GHM's density, and who is pulled.

    Bars are after training; lines are after the epochs looked at before.
    """
    from matplotlib.figure import Figure

    *during, after = found["moments"]
    *epochs, last = found["epochs"]
    centres = (np.arange(BINS) + 0.5) / BINS
    shades = [COLOURS["s1"], COLOURS["s3"], COLOURS["s4"], COLOURS["s0"]]
    with drawing():
        figure = Figure(figsize=(WIDTH, 2.05))
        left, middle, right = figure.subplots(1, 3)
        by_class = np.array(after["p"])
        total = by_class.sum()
        floor = 0.5 / total
        order = np.argsort(-by_class.sum(1))
        for c, colour in zip(order, (COLOURS["muted"], COLOURS["few"], COLOURS["many"], COLOURS["medium"])):
            left.bar(
                centres, by_class[c] / total, 1 / BINS, color=colour, alpha=0.45, label=f"class {names[c]}"
            )
        for k, moment in enumerate(during):
            share = np.array(moment["p"]).sum(0) / total
            left.step(centres, share, where="mid", color=shades[k % 4], linewidth=1)
        norm = np.array(after["norm"])
        middle.bar(centres, norm / total, 1 / BINS, color=COLOURS["accent"], alpha=0.45)
        for k, moment in enumerate(during):
            share = np.array(moment["norm"]) / total
            middle.step(centres, share, where="mid", color=shades[k % 4], linewidth=1)
        grid = np.linspace(0, 1, GRID)
        middle.plot(grid, np.array(after["density"]) / BINS, color=COLOURS["bad"], linewidth=1.3)
        right.bar(centres, after["pull"], 1 / BINS, color=COLOURS["accent"], alpha=0.45)
        for k, moment in enumerate(during):
            right.step(centres, moment["pull"], where="mid", color=shades[k % 4], linewidth=1)
        for axes in (left, middle):
            axes.set_yscale("log")
            axes.set_ylim(floor, 1.6)
            axes.yaxis.set_major_formatter(lambda v, _: f"{v:g}")
        for axes, title in (
            (left, "p_t: share of rows"),
            (middle, "gradient norm: share of rows"),
            (right, "1 - p_t: share of the pull"),
        ):
            axes.set_xlim(0, 1)
            axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            axes.set_title(title, fontsize=9)
            axes.tick_params(labelsize=8)
        said = [(f"class {names[c]}, after epoch {last}", "patch", colour) for c, colour in
                zip(order, (COLOURS["muted"], COLOURS["few"]))]  # fmt: skip
        said += [(f"epoch {e}", "line", shades[k % 4]) for k, e in enumerate(epochs)]
        said += [("GHM density", "line", COLOURS["bad"])]
        _legend(figure, said)
        figure.subplots_adjust(left=0.065, right=0.985, top=0.77, bottom=0.11, wspace=0.24)
        return inline(figure, f"probe-{name}", f"p_t, gradient norm and pull of {name}")


def _legend(figure: Any, entries: Sequence[tuple[str, str, str]]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=colour, alpha=0.45, label=label, linewidth=0)
        if kind == "patch"
        else Line2D([], [], color=colour, label=label, linewidth=1.3)
        for label, kind, colour in entries
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        ncols=len(handles),
        fontsize=8,
        handlelength=1.2,
        borderaxespad=0.1,
        columnspacing=1.2,
    )
