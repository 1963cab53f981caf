"""Page: the reviews experiment as one self-contained HTML page, and each figure as an SVG file of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from reviews import figures, words

from longtail.files import write_text
from longtail.report.page import page, style

if TYPE_CHECKING:
    from reviews.experiment import Reviews

HERE = Path(__file__).parent


def write_page(found: Reviews, folder: Path) -> None:
    """Write ``reviews.html`` and ``figures/*.svg``."""
    drawn = draw(found)
    write_text(folder / "reviews.html", render(found, drawn))
    for name, svg in drawn.items():
        write_text(folder / "figures" / f"{name}.svg", standalone(svg))


def draw(found: Reviews) -> dict[str, str]:
    """Every figure by name, as inline SVG."""
    names = found.results.data.names
    drawn = {"scores": figures.scores(found.ranked, found.positive)}
    return drawn | {name: figures.probed(name, probe, names) for name, probe in found.probes.items()}


def render(found: Reviews, drawn: dict[str, str]) -> str:
    """The page as a string. Every text is escaped."""
    results = found.results
    failed = [run for run in results.runs if not run.done]
    return page(
        HERE / "reviews.html",
        made=results,
        found=found,
        results=results,
        data=results.data,
        settings=results.settings,
        heads=words.columns(results),
        rows=words.rows_of(found),
        conclusions=words.conclusions(found),
        drawn=drawn,
        length=words.length(results),
        failed=failed,
        epochs=next(iter(found.probes.values()))["epochs"],
        seconds=sum(run.seconds for run in results.runs),
    )


def standalone(svg: str) -> str:
    """An inline figure as a file: the page's light colours in place of its variables, on its ground."""
    light = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style().split("@media", 1)[0]))
    text = re.sub(r"var\(--(\w+)\)", lambda m: light[m[1]], svg)
    ground = f'style="background: {light["page"]}; font-family: sans-serif"'
    return re.sub(r'style="min-width[^"]*"', ground, text, count=1)
