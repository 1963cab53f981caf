"""Figure: what a figure is, and what was drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longtail.figures.canvas import Canvas
from longtail.figures.written import LIGHT, endings, picture


@dataclass(frozen=True)
class Measured:
    """What a figure shows.

    Attributes:
        numbers: plain numbers, texts and lists by name.
        facts: whose they are, in words: rows, and what was trained.
    """

    numbers: Mapping[str, Any]
    facts: str


@dataclass(frozen=True)
class Figure:
    """A figure of the room.

    Attributes:
        name: on the command line.
        title: stands above it.
        teaches: what one sees in it, in one sentence.
        measure: ``(subject, **settings) -> Measured``; settings can be written behind the name: ``gradients:gamma=1``.
        paint: draws the numbers on a canvas.
        needs_data: without data, is it drawn of a built-in set? Else it brings its own.
    """

    name: str
    title: str
    teaches: str
    measure: Callable[..., Measured]
    paint: Callable[[Mapping[str, Any], Canvas], None]
    needs_data: bool = True

    def of(self, subject: Any, **settings: Any) -> Drawn:
        """Measure a subject.

        Raises:
            ValueError: the figure makes no sense for it, with the reason.
        """
        return Drawn(self, self.measure(subject, **settings))


@dataclass(frozen=True)
class Drawn:
    """A figure with its numbers: shown by a notebook, saved by :meth:`save`."""

    figure: Figure
    measured: Measured
    path: Path | None = field(default=None)

    @property
    def numbers(self) -> Mapping[str, Any]:
        """What is drawn."""
        return self.measured.numbers

    @property
    def caption(self) -> str:
        """What it teaches, and whose numbers they are."""
        return f"{self.figure.teaches} {self.measured.facts}"

    def paint(self, colours: Mapping[str, str] = LIGHT) -> Any:
        """The ``matplotlib.figure.Figure``, title and caption included."""
        from longtail.report.svg import drawing

        with drawing(colours):
            canvas = Canvas(self.figure.title, self.caption, colours)
            self.figure.paint(self.numbers, canvas)
            return canvas.finished()

    def save(self, path: str | Path) -> Path:
        """Write it: ``.svg``, ``.png`` or ``.pdf``, by the ending; ``.json`` writes the numbers.

        Raises:
            ValueError: another ending.
        """
        return picture(self, Path(path))

    @property
    def svg(self) -> str:
        """A whole SVG file, light and dark."""
        from longtail.figures.written import svg

        return svg(self)

    def _repr_svg_(self) -> str:
        return self.svg


__all__ = ["Drawn", "Figure", "Measured", "endings"]
