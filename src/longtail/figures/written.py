"""Written: a figure as a file. One SVG serves light and dark pages; PNG and PDF are light."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from longtail.files import whole, write_text
from longtail.report.page import style
from longtail.report.svg import COLOURS, inline

if TYPE_CHECKING:
    from longtail.figures.figure import Drawn

ENDINGS = (".svg", ".png", ".pdf", ".json")
DPI = 200


def _palettes() -> tuple[dict[str, str], dict[str, str]]:
    """The page's colours by name: on a light ground, and on a dark one."""
    pairs = [re.findall(r"--(\w+): (#[0-9a-f]{6})", css) for css in style().split("@media", 1)]
    light, dark = ({str(name): str(colour) for name, colour in found} for found in pairs)
    return light, {name: dark.get(name, colour) for name, colour in light.items()}


LIGHT, DARK = _palettes()


def endings(path: Path) -> str:
    """The ending of a file that is to be written.

    Raises:
        ValueError: one that is not written.

    >>> endings(Path("a/b.SVG"))
    '.svg'
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise ValueError(
            f"out={str(path)!r} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} (the numbers that are drawn)"
        )
    return ending


def picture(drawn: Drawn, path: Path) -> Path:
    """Write a figure; see :meth:`longtail.figures.Drawn.save`."""
    ending = endings(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == ".json":
        about = {"figure": drawn.figure.name, "caption": drawn.caption, "numbers": _plain(drawn.numbers)}
        write_text(path, json.dumps(about, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    elif ending == ".svg":
        write_text(path, svg(drawn))
    else:
        _by_matplotlib(drawn, path, ending[1:])
    return path


def svg(drawn: Drawn) -> str:
    """A whole SVG file: as wide as its page allows, up to a size that reads well; light or dark as the reader likes."""
    from longtail.report.svg import drawing

    figure = drawn.paint(COLOURS)
    width, height = (1.54 * 72 * inches for inches in figure.get_size_inches())
    with drawing():
        text = inline(figure, drawn.figure.name, drawn.figure.title)
    text = re.sub(r'style="min-width[^"]*"', 'style="max-width: 100%; height: auto"', text, count=1)
    size = f'class="longtail" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width:.0f}" height="{height:.0f}"'
    text = text.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "", 1)
    return text.replace("<svg", f"<svg {size}", 1).replace(">", f">\n<style>{_rules()}</style>", 1)


def _rules() -> str:
    """The style of an SVG file: its colours by name, light unless the reader likes dark. A notebook puts the file
    into its page, so the rules hold for our SVGs alone.
    """

    def root(colours: Mapping[str, str]) -> str:
        variables = "; ".join(f"--{name}: {colours[name]}" for name in COLOURS)
        return f"svg.longtail {{ {variables}; background: {colours['page']} }}"

    dark = f"@media (prefers-color-scheme: dark) {{ {root(DARK)} }}"
    return f"svg.longtail {{ font-family: sans-serif }}\n{root(LIGHT)}\n{dark}"


def _by_matplotlib(drawn: Drawn, path: Path, kind: str) -> None:
    from longtail.report.svg import drawing

    figure = drawn.paint(LIGHT)
    metadata: dict[str, Any] = (
        {"Software": None} if kind == "png" else {"CreationDate": None, "Creator": None}
    )
    with drawing(LIGHT), whole(path) as file:
        figure.savefig(file, format=kind, dpi=DPI, facecolor=LIGHT["page"], metadata=metadata)


def _plain(value: Any) -> Any:
    """Plain JSON: a number that is none is null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
