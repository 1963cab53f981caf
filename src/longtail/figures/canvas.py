"""Canvas: a title, panels and a caption of one width, narrow enough that a telephone shows its letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from longtail.report.svg import columns

WIDTH = 5.1  # inches
LINE = 0.168  # inches: of the caption
ACROSS = 76  # columns of a line of the caption
LETTER = 0.078  # inches, of the legend


Entry = tuple[str, str, Any]
"""Of a legend: label, colour, and the look of it, a marker or a style of lines."""


class Canvas:
    """Where a figure is drawn, from the top down: sizes are inches.

    Args:
        title: of the figure.
        caption: stands beneath it.
        colours: by the names of ``longtail.report.svg.NAMES``.
    """

    def __init__(self, title: str, caption: str, colours: Mapping[str, str]) -> None:
        self.title, self.lines, self.colours = title, wrapped(caption, ACROSS), colours
        self.figure: Any = None
        self.height = 0.0

    def panels(
        self,
        rows: int = 1,
        across: int = 1,
        *,
        height: float = 2.2,
        legend: int = 0,
        left: float = 0.62,
        below: float = 0.42,
        between: float = 0.62,
        apart: float = 0.3,
        **how: Any,
    ) -> list[Any]:
        """The axes, row by row.

        Args:
            rows, across: of them.
            height: of one.
            legend: lines of a legend between title and axes.
            left, below: room for numbers and labels.
            between: rows; apart: columns.
            how: for ``Figure.subplots``.
        """
        from matplotlib.figure import Figure

        above, caption = 0.34 + 0.2 * legend + 0.22, LINE * len(self.lines) + 0.16
        plot = rows * height + (rows - 1) * between
        self.height = above + plot + below + caption
        self.figure = Figure(figsize=(WIDTH, self.height))
        grid = self.figure.subplots(rows, across, squeeze=False, **how)
        wide = (WIDTH - left - 0.15 - (across - 1) * apart) / across
        self.figure.subplots_adjust(
            left=left / WIDTH,
            right=1 - 0.15 / WIDTH,
            top=1 - above / self.height,
            bottom=(below + caption) / self.height,
            wspace=apart / wide,
            hspace=between / height,
        )
        return list(grid.flat)

    def legend(self, entries: Sequence[Entry], line: int = 0) -> None:
        """Names with colours in lines above the axes.

        Args:
            entries: label, colour, and the look of it: a marker, or a style of lines.
            line: of the legend's, from 0.
        """
        wide = [LETTER * columns(label) + 0.42 for label, *_ in entries]
        across = len(entries) if sum(wide) < WIDTH - 0.1 else max(1, int((WIDTH - 0.1) / max(wide)))
        self.figure.legend(
            handles=handles(entries), loc="upper left", ncols=across, fontsize=9, handlelength=1.4, borderaxespad=0.0,
            bbox_to_anchor=(0.06 / WIDTH, 1 - (0.32 + 0.2 * line) / self.height), columnspacing=1.2,
        )  # fmt: skip

    def legend_above(self, axes: Any, entries: Sequence[Entry]) -> None:
        """Names with colours in a line right above the axes, in place of their title."""
        axes.legend(
            handles=handles(entries), loc="lower left", bbox_to_anchor=(0, 1), ncols=len(entries), fontsize=8.5,
            handlelength=1.2, borderaxespad=0.1, columnspacing=1.0, handletextpad=0.4,
        )  # fmt: skip

    def finished(self) -> Any:
        """The figure, with its title and caption."""
        self.figure.text(
            0.1 / WIDTH, 1 - 0.08 / self.height, self.title, va="top", fontsize=11, fontweight="bold"
        )
        for k, text in enumerate(reversed(self.lines)):
            y = (0.1 + LINE * k) / self.height
            self.figure.text(0.1 / WIDTH, y, text, fontsize=8.5, color=self.colours["muted"])
        return self.figure


def handles(entries: Sequence[Entry]) -> list[Any]:
    """What stands in a legend."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=colour, label=label, linewidth=1.8, linestyle=look)
        if look in ("-", "--", ":", "-.")
        else Line2D([], [], color=colour, label=label, linestyle="none", marker=look, markersize=5)
        for label, colour, look in entries
    ]


def logarithmic(axis: Any) -> None:
    """A log scale with numbers at 1, 2 and 5, or at powers of ten alone where it spans many."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda v, _: f"{v:,.0f}" if v >= 1 else f"{v:g}")


def wrapped(text: str, across: int) -> list[str]:
    """The text in lines of so many columns; a word that is longer is a line of its own.

    >>> wrapped("one two three", 8)
    ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and columns(lines[-1]) + 1 + columns(word) <= across:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


__all__ = ["WIDTH", "Canvas", "logarithmic", "wrapped"]
