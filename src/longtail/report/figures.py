"""Figures: the results of a comparison as inline SVG; None where there is nothing to draw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from longtail.comparison.leaderboard import Row, as_float
from longtail.comparison.rates import frequency_of
from longtail.comparison.record import Results
from longtail.report.columns import groups_told
from longtail.report.svg import COLOURS, columns, drawing, inline, shortened

NAMED = 24  # classes: up to here each has its own named row
LABELS = 14  # names along an axis, at most
SERIES = tuple(COLOURS[name] for name in ("s0", "s1", "s2", "s3", "s4"))
WIDTH = 5.1  # inches: letters stay readable where the page is as narrow as a telephone
SHARE = 0.01  # a bin of a reliability diagram holds at least this share of the predictions,
ROWS = 10  # and so many rows, of whatever class,
ENOUGH = 0.05  # unless that is more than this share
LEFT = 0.8  # inches for an axis' name and numbers such as -0.05
NOTE = 0.65  # inches of a number beyond a bar
LINE = 0.21  # inches of a line of a legend
LETTER = 0.078  # inches, the width of a latin letter


def by_frequency(results: Results) -> list[int]:
    """Class indices, most frequent first."""
    counts = results.data.counts
    return sorted(range(len(counts)), key=lambda c: (-counts[c], c))


def mean_per_class(results: Results, recipe: str, prior: str, what: str = "recall") -> np.ndarray | None:
    """The mean over runs of a per-class score, ``[C]``; nan where no run could compute it."""
    runs = results.by_recipe.get(recipe, {}).values()
    tables = [r.per_class[prior][what] for r in runs if what in r.per_class.get(prior, {})]
    if not tables:
        return None
    values = np.array([[as_float(v) for v in table] for table in tables])
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)


def distribution(results: Results) -> str | None:
    """Examples of each class, coloured by group, on a log axis where the imbalance asks for it."""
    order, data = by_frequency(results), results.data
    counts = [data.counts[c] for c in order]
    told = groups_told(data.groups)
    group = {c: name for name in told for c in data.groups[name]}
    colours = [COLOURS[group[c]] if c in group else COLOURS["accent"] for c in order]
    log = max(counts) > 20 * max(1, min(counts))
    with drawing():
        figure, axes, named = _class_axes(results, order, above=0.4 if told else 0.1)
        label = "examples" + (" (log scale)" if log else "")
        if named:
            axes.barh(range(len(order)), counts, color=colours, height=0.7)
            for i, n in enumerate(counts):
                _note(axes, f"{n:,}", max(n, 0.7) if log else n, i)
            axes.set_xlabel(label)
        else:
            axes.bar(range(len(order)), counts, color=colours, width=1.02)
            axes.set_ylabel(label)
        if log:
            (axes.set_xscale if named else axes.set_yscale)("log")
            (axes.set_xlim if named else axes.set_ylim)(0.7)
        if named:
            share = min(0.4, NOTE / (axes.get_position().width * WIDTH))
            low, high = (0.7 if log else 0.0), float(max(counts))
            end = low * (high / low) ** (1 / (1 - share)) if log else high / (1 - share)
            axes.set_xlim(low, end)
        axis = axes.xaxis if named else axes.yaxis
        axis.set_major_formatter(lambda v, _: f"{v:,.0f}" if v >= 1 or v == 0 else "")
        _legend(figure, [(g, COLOURS[g], 1.0) for g in told])
        return inline(figure, "distribution", "Examples of each class")


def recall_by_frequency(
    results: Results, prior: str, rows: Sequence[Row], colours: Sequence[str]
) -> str | None:
    """Recall of each class, most frequent first: a dot per class, and a running mean where there are many.

    ``colours`` names recipes in the order of the series colours: a recipe keeps its colour over the page.
    """
    order = by_frequency(results)
    colour_of = dict(zip(colours, SERIES))
    found = [(r, mean_per_class(results, r.recipe, prior)) for r in rows if r.recipe in colour_of]
    curves = [(r.title, colour_of[r.recipe], values) for r, values in found if values is not None]
    if not curves:
        return None
    many = len(order) > NAMED
    with drawing():
        titles = [shortened(title, 30) for title, *_ in curves]
        above = LINE * _legend_lines(titles)[1] + 0.2
        figure, axes = _upright_axes(results, order, height=2.8 + above, above=above)
        side = (
            np.linspace(-0.15, 0.15, len(curves)) if len(curves) > 1 and not many else np.zeros(len(curves))
        )
        for shift, (_, colour, values) in zip(side, curves):
            x, y = np.arange(len(order)) + shift, values[order]
            if many:
                axes.plot(x, y, ".", color=colour, alpha=0.35, markersize=3)
                axes.plot(x, running_mean(y, max(5, len(order) // 12)), color=colour, linewidth=1.8)
            else:
                axes.plot(x, y, "o", color=colour, markersize=5)
                if len(order) > 2:  # a line between two classes would say nothing
                    axes.plot(x, y, "-", color=colour, linewidth=1, alpha=0.35)
        axes.set_ylim(-0.03, 1.03)
        axes.set_ylabel("recall")
        _legend(figure, [(title, colour, 1.0) for title, (_, colour, _) in zip(titles, curves)])
        return inline(figure, f"recall-{prior}", f"Recall by class frequency under the {prior} prior")


def change_by_class(results: Results, prior: str, best: Row, baseline: str) -> str | None:
    """Recall of the best recipe minus the baseline's, class by class."""
    order = by_frequency(results)
    a, b = mean_per_class(results, best.recipe, prior), mean_per_class(results, baseline, prior)
    if a is None or b is None or best.recipe == baseline:
        return None
    change = (a - b)[order]
    length = np.nan_to_num(change)
    colours = [COLOURS["good"] if d >= 0 else COLOURS["bad"] for d in change]
    with drawing():
        figure, axes, named = _class_axes(results, order, above=0.1)
        if named:
            axes.barh(range(len(order)), length, color=colours, height=0.7)
            for i, d in enumerate(change):
                _note(axes, f"{d:+.3f}" if math.isfinite(d) else "no example", length[i], i)
            axes.axvline(0, color=COLOURS["muted"], linewidth=0.8)
            _room_for_notes(axes, length)
            axes.set_xlabel("change of recall")
        else:
            axes.bar(range(len(order)), length, color=colours, width=1.02)
            axes.axhline(0, color=COLOURS["muted"], linewidth=0.8)
            axes.set_ylabel("change of recall")
        return inline(
            figure, f"change-{prior}", f"Change of recall against the baseline under the {prior} prior"
        )


def reliability(results: Results, prior: str, rows: Sequence[Row]) -> str | None:
    """Accuracy against confidence, pooled over the runs; a dot's area is its share of the predictions."""
    from matplotlib.figure import Figure

    found = [(r, _pooled_bins(results, r.recipe, prior)) for r in rows]
    panels = [(r, bins) for r, bins in found if bins is not None][:4]
    if not panels:
        return None
    down = math.ceil(len(panels) / 2)
    height = 2.75 * down
    with drawing():
        figure = Figure(figsize=(WIDTH, height))
        grid = figure.subplots(down, 2, sharey=True, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (row, (confidence, accuracy, weight)) in zip(grid.flat, panels):
            axes.plot([0, 1], [0, 1], color=COLOURS["muted"], linewidth=0.8, linestyle="--")
            axes.plot(confidence, accuracy, color=COLOURS["accent"], linewidth=1.2)
            area = 6 + 120 * weight / weight.sum()
            axes.scatter(confidence, accuracy, s=area, color=COLOURS["accent"], alpha=0.7, clip_on=False)
            axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal", yticks=[0, 0.5, 1])
            axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
            ece = row.mean.get("ece", math.nan)
            under = f"ECE {ece:.3f}" if math.isfinite(ece) else "ECE –"
            axes.set_title(f"{shortened(row.title, 26)}\n{under}", fontsize=9, pad=8)
            axes.set_xlabel("confidence", fontsize=9)
        for axes in grid[:, 0]:
            axes.set_ylabel("accuracy", fontsize=9)
        top, bottom = 1 - 0.5 / height, 0.42 / height
        figure.subplots_adjust(left=0.1, right=0.97, top=top, bottom=bottom, wspace=0.12, hspace=0.45)
        return inline(figure, f"reliability-{prior}", f"Reliability diagrams under the {prior} prior")


def training(results: Results, rows: Sequence[Row]) -> str | None:
    """Training loss by epoch of each recipe's first run, stage after stage; scales differ between losses."""
    from matplotlib.figure import Figure

    panels = []
    for row in rows:
        history = next((run.history for run in results.by_recipe.get(row.recipe, {}).values()), ())
        points = [(h.get("stage", ""), as_float(h.get("loss"))) for h in history]
        if any(math.isfinite(loss) for _, loss in points):
            panels.append((row.title, points))
    if not panels:
        return None
    down = math.ceil(len(panels) / 2)
    height = 1.75 * down + 0.2
    with drawing():
        figure = Figure(figsize=(WIDTH, height))
        grid = figure.subplots(down, 2, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes, (title, points) in zip(grid.flat, panels):
            losses = [loss for _, loss in points]
            mark = "." if len(points) < 15 else ""
            axes.plot(range(1, len(points) + 1), losses, color=COLOURS["accent"], linewidth=1.4, marker=mark)
            for i in range(1, len(points)):
                if points[i][0] != points[i - 1][0]:
                    axes.axvline(i + 0.5, color=COLOURS["muted"], linewidth=0.8, linestyle=":")
            axes.set_title(shortened(title, 26), fontsize=9)
            axes.tick_params(labelsize=8)
            axes.xaxis.get_major_locator().set_params(integer=True, nbins=5)
            axes.yaxis.get_major_locator().set_params(nbins=4)
            axes.set_xlabel("epoch", fontsize=8)
        top, bottom = 1 - 0.25 / height, 0.4 / height
        figure.subplots_adjust(left=0.08, right=0.98, top=top, bottom=bottom, hspace=0.6, wspace=0.22)
        return inline(figure, "training", "Training loss by epoch")


def cost(rows: Sequence[Row]) -> str | None:
    """Seconds of training per run: its own work, and the stages it got from others."""
    from matplotlib.figure import Figure

    timed = [row for row in rows if math.isfinite(row.seconds)]
    if not timed:
        return None
    with drawing():
        figure = Figure(figsize=(WIDTH, 0.27 * len(timed) + 0.85))
        axes = _named_rows(figure, [shortened(row.title, 28) for row in timed], above=0.4)
        y = range(len(timed))
        own, shared = [r.seconds for r in timed], [0 if math.isnan(r.shared) else r.shared for r in timed]
        axes.barh(y, own, color=COLOURS["accent"], height=0.65)
        axes.barh(y, shared, left=own, color=COLOURS["accent"], alpha=0.25, height=0.65)
        axes.set_xlabel("seconds per run")
        entries = [
            ("its own training", COLOURS["accent"], 1.0),
            ("saved by sharing stages", COLOURS["accent"], 0.25),
        ]
        _legend(figure, entries)
        return inline(figure, "cost", "Training time of a run")


def running_mean(values: np.ndarray, width: int) -> np.ndarray:
    """The mean of the finite values in a centred window, shorter at the ends; nan where there is none.

    >>> running_mean(np.array([1.0, 3.0, np.nan, 5.0]), 3).tolist()
    [2.0, 2.0, 4.0, 5.0]
    """
    half = width // 2
    known = np.isfinite(values)
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0))])
    number = np.concatenate([[0], np.cumsum(known)])
    low = np.maximum(np.arange(len(values)) - half, 0)
    high = np.minimum(np.arange(len(values)) + half + 1, len(values))
    n = number[high] - number[low]
    return np.where(n > 0, (total[high] - total[low]) / np.maximum(n, 1), np.nan)


def _pooled_bins(
    results: Results, recipe: str, prior: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Confidence, accuracy and weight of the bins that hold a prediction, over all runs."""
    runs = results.by_recipe.get(recipe, {}).values()
    tables: list[Mapping[str, Any]] = [r.reliability[prior] for r in runs if prior in r.reliability]
    if not tables:
        return None
    weight = np.array([t["weight"] for t in tables], dtype=float)
    sums = [(np.array([t[key] for t in tables]) * weight).sum(0) for key in ("confidence", "accuracy")]
    return _joined(sums[0], sums[1], weight.sum(0), least_share(results, prior))


def least_share(results: Results, prior: str) -> float:
    """The share of the predictions that a bin must hold: few rows of a rare class say little, whatever their weight."""
    counts = results.data.counts
    heaviest = max(frequency_of(results, prior, c) / n for c, n in enumerate(counts) if n)
    return max(SHARE, min(ENOUGH, ROWS * heaviest / results.settings.seeds))


def _joined(
    confidence: np.ndarray, accuracy: np.ndarray, weight: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bins joined with their neighbours until each holds that share of the predictions: one row says nothing.

    Args:
        confidence, accuracy: their sums over the predictions of a bin, ``[bins]``; ``weight``: of the predictions.

    Returns:
        Mean confidence, mean accuracy and weight of each bin that is left.
    """
    bins = np.stack([confidence, accuracy, weight])
    least = share * weight.sum()
    kept: list[np.ndarray] = []
    waiting = np.zeros(3)
    for one in bins.T:
        waiting = waiting + one
        if waiting[2] > 0 and waiting[2] >= least:
            kept.append(waiting)
            waiting = np.zeros(3)
    if waiting[2] > 0:  # the last ones go to the bin before them
        kept[-1] = kept[-1] + waiting
    sums = np.array(kept).T
    return sums[0] / sums[2], sums[1] / sums[2], sums[2]


def _class_axes(results: Results, order: Sequence[int], above: float) -> tuple[Any, Any, bool]:
    """Axes with a named row a class, or, for many classes, with upright bars and some of the names."""
    from matplotlib.figure import Figure

    if len(order) > NAMED:
        figure, axes = _upright_axes(results, order, height=2.4 + above, above=above)
        return figure, axes, False
    figure = Figure(figsize=(WIDTH, 0.27 * len(order) + 0.45 + above))
    names = [shortened(results.data.names[c]) for c in order]
    return figure, _named_rows(figure, names, above), True


def _named_rows(figure: Any, names: Sequence[str], above: float) -> Any:
    """Axes for horizontal bars, the first at the top, with ``above`` inches for a legend."""
    margin = LETTER * max(columns(name) for name in names) + 0.2
    height = figure.get_figheight()
    box = (margin / WIDTH, 0.45 / height, 1 - (margin + 0.2) / WIDTH, 1 - (0.45 + above) / height)
    axes = figure.add_axes(box)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(False, axis="y")
    return axes


def _upright_axes(results: Results, order: Sequence[int], height: float, above: float) -> tuple[Any, Any]:
    """Axes with the classes along x, most frequent first, and at most LABELS of their names."""
    from matplotlib.figure import Figure

    step = math.ceil(len(order) / LABELS) if len(order) > NAMED else 1
    names = [shortened(results.data.names[c], 16) for c in order][::step]
    longest = max(columns(n) for n in names)
    flat = longest * len(names) <= 50
    room = 0.3 if flat else LETTER * longest + 0.15
    total = height + room
    figure = Figure(figsize=(WIDTH, total))
    axes = figure.add_axes(
        (LEFT / WIDTH, (room + 0.25) / total, 1 - (LEFT + 0.15) / WIDTH, (height - 0.25 - above) / total)
    )
    axes.set_xticks(range(0, len(order), step), names, rotation=0 if flat else 90)
    axes.set_xlim(-0.6, len(order) - 0.4)
    axes.grid(False, axis="x")
    figure.text(LEFT / WIDTH, 0.02, "most frequent class first", color=COLOURS["muted"], fontsize=9)
    return figure, axes


def _room_for_notes(axes: Any, lengths: Any) -> None:
    """Room for a number beyond each end of horizontal bars, however narrow the axes are beside long names."""
    low, high = min(0.0, float(lengths.min())), max(0.0, float(lengths.max()))
    share = min(0.3, NOTE / (axes.get_position().width * WIDTH))
    beyond = (high - low or 1.0) * share / (1 - 2 * share)
    axes.set_xlim(low - beyond, high + beyond)


def _note(axes: Any, text: str, x: float, y: float) -> None:
    """A number beyond the end of a horizontal bar."""
    shift, side = ((-4, 0), "right") if x < 0 else ((4, 0), "left")
    axes.annotate(
        text, (x, y), shift, textcoords="offset points", va="center", ha=side, color=COLOURS["muted"]
    )  # fmt: skip


def _legend_lines(labels: Sequence[str]) -> tuple[int, int]:
    """How many names of a legend stand side by side, and in how many lines."""
    widest = LETTER * max(columns(label) for label in labels) + 0.45
    across = max(1, min(int(WIDTH / widest), len(labels)))
    return across, math.ceil(len(labels) / across)


def _legend(figure: Any, entries: Sequence[tuple[str, str, float]]) -> None:
    """Names with their colour and opacity in rows above the figure, each row no wider than it."""
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=colour, alpha=alpha, label=label, linewidth=0) for label, colour, alpha in entries
    ]
    if patches:
        across, _ = _legend_lines([label for label, *_ in entries])
        figure.legend(
            handles=patches, loc="upper left", ncols=across, fontsize=9, handlelength=1.0, borderaxespad=0.2
        )
