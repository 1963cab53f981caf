"""Figures: accuracy against cost, and learning curves, as SVG whose text stays text."""

from __future__ import annotations

import io
import math
from typing import Any

from longtail.bench.summary import Results, lines

OWN, SET, GREY = "#8a8a8a", "#1f6fb2", "#bbbbbb"
ACCURACY = "test accuracy, %"
LEADER: dict[str, Any] = {
    "arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2, "relpos": (0, 0.5),
}  # fmt: skip


def cost(results: Results, imbalance: float) -> str | None:
    """Accuracy of every recipe against the training time of a run: as trained, and with the prior set to balanced."""
    from matplotlib.figure import Figure

    done = [line for line in lines(results, imbalance) if line.runs]
    if not done:
        return None

    def top(line: Any) -> float:
        return float(line.balanced.get("accuracy", line.as_trained["accuracy"])[0])

    in_runs = all(math.isfinite(line.cost) for line in done)  # of erm

    def cost(line: Any) -> float:
        return float(line.cost if in_runs else line.seconds)

    done.sort(key=top, reverse=True)
    height = max(3.2, 0.19 * len(done) + 1.1)
    with _style():
        figure = Figure(figsize=(8, height))
        axes = figure.add_axes((0.09, 0.55 / height, 0.62, 1 - 1.0 / height))
        for line in done:
            own, best = line.as_trained["accuracy"][0], top(line)
            axes.plot([cost(line)] * 2, [own, best], color=GREY, linewidth=0.8, zorder=1)
            axes.plot(cost(line), own, "o", markersize=4, color=OWN, fillstyle="none", zorder=2)
            if line.balanced:
                axes.plot(cost(line), best, "o", markersize=5, color=SET, zorder=3)
        axes.margins(x=0.08, y=0.08)
        dearest = max(map(cost, done))
        if dearest > 8 * max(min(map(cost, done)), 1e-9):
            axes.set_xscale("log")
        else:  # from nothing on: a difference of a per cent looks like one
            axes.set_xlim(0, 1.08 * dearest)
        low, high = axes.get_ylim()
        step = (high - low) / max(len(done), 1)
        for k, line in enumerate(
            done
        ):  # names in a column beside, evenly spaced, so that none covers another
            at = high - (k + 0.5) * step
            right = axes.get_xlim()[1]
            axes.annotate(
                f"{line.recipe} {top(line):.1f}", (cost(line), top(line)), (1.03, at),
                xycoords="data", textcoords=("axes fraction", "data"), fontsize=8, va="center",
                arrowprops=dict(LEADER),
            )  # fmt: skip
            axes.set_xlim(right=right)
        axes.set_ylim(low, high)
        axes.set_xlabel("training of a run, in runs of erm" if in_runs else "training time of a run, s")
        axes.set_ylabel("accuracy on the balanced test set, %")
        s = results["settings"]
        axes.set_title(
            f"{s['benchmark']}, imbalance {imbalance:g}: {s['backbone']}, {s['epochs']} epochs\n"
            "filled: prior set to balanced; hollow: as trained",
            fontsize=9,
        )
        return _svg(figure)


def curves(results: Results, imbalance: float) -> str | None:
    """Learning curves of every recipe, a line a run: test accuracy where it was measured, else training loss."""
    from matplotlib.figure import Figure

    names = [line.recipe for line in lines(results, imbalance) if line.runs]
    if not names:
        return None
    down = math.ceil(len(names) / 3)
    height = 1.75 * down + 0.3
    with _style():
        figure = Figure(figsize=(8, height))
        grid = figure.subplots(down, 3, squeeze=False)
        for axes in grid.flat[len(names) :]:
            axes.set_visible(False)
        accuracies: list[Any] = []  # they compare, losses do not
        for axes, name in zip(grid.flat, names):
            what = ""
            for run in results["runs"]:
                if (run["recipe"], run["imbalance"], run["status"]) == (name, imbalance, "done"):
                    what, x, y = _curve(run["history"])
                    axes.plot(x, y, color=SET, linewidth=1, alpha=0.7)
            if what == ACCURACY:
                accuracies.append(axes)
            axes.set_title(f"{name}: {what}", fontsize=9)
            axes.tick_params(labelsize=8)
            axes.set_xlabel("epoch", fontsize=8)
        for axes in accuracies[1:]:
            axes.sharey(accuracies[0])
        figure.subplots_adjust(
            left=0.06, right=0.99, top=1 - 0.3 / height, bottom=0.45 / height, hspace=0.7, wspace=0.25
        )
        return _svg(figure)


def _curve(history: list[dict[str, Any]]) -> tuple[str, list[int], list[float]]:
    """What is drawn, and its points; epochs are counted through the stages."""
    measured = [(k + 1, 100 * h["probe"]["accuracy"]) for k, h in enumerate(history) if "probe" in h]
    if len(measured) > 2:
        return ACCURACY, [k for k, _ in measured], [v for _, v in measured]
    return "training loss", list(range(1, len(history) + 1)), [h["loss"] for h in history]


def _style() -> Any:
    import matplotlib

    return matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "longtail",
            "font.size": 9,
            "font.family": "sans-serif",
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e4e4e4",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "text.parse_math": False,
        }
    )


def _svg(figure: Any) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    FigureCanvasSVG(figure).print_svg(out, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return out.getvalue()
