"""SVG: a matplotlib figure as inline SVG that a page can colour and a reader can select.

Text stays text, in the reader's fonts, so that any script shows. Colours are drawn with stand-ins that become
CSS variables (``var(--ink)``), so one figure serves light and dark pages. ``$`` is not read as mathematics.
"""

from __future__ import annotations

import html
import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

NAMES = (
    "ink", "muted", "line", "page", "accent", "good", "bad", "many", "medium", "few", "s0", "s1", "s2", "s3", "s4",
)  # fmt: skip
COLOURS = {name: f"#01{k:02x}fd" for k, name in enumerate(NAMES)}
"""Name of the page's CSS variable -> the stand-in it is drawn with."""

_VARIABLES = {colour: f"var(--{name})" for name, colour in COLOURS.items()}


def style(colours: Mapping[str, str]) -> Any:
    """What matplotlib draws with, in those colours."""
    return {
        "svg.fonttype": "none",
        "text.parse_math": False,
        "text.usetex": False,
        "axes.formatter.use_mathtext": False,
        "font.family": ["DejaVu Sans"],  # only to measure with; the browser chooses
        "font.size": 10,
        "text.color": colours["ink"],
        "axes.labelcolor": colours["ink"],
        "axes.edgecolor": colours["line"],
        "xtick.color": colours["line"],
        "ytick.color": colours["line"],
        "xtick.labelcolor": colours["ink"],
        "ytick.labelcolor": colours["ink"],
        **{f"{axis}tick.{which}.size": 0 for axis in "xy" for which in ("major", "minor")},
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": colours["line"],
        "grid.linewidth": 0.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "figure.dpi": 72,
        "legend.frameon": False,
    }


@contextmanager
def drawing(colours: Mapping[str, str] = COLOURS) -> Iterator[None]:
    """Draw inside this: text, colours and grid as the page wants them, whatever the user's matplotlibrc says.

    Args:
        colours: a colour for each of ``NAMES``; left out, stand-ins for the page's variables.
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style(colours))
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the browser has the glyphs
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        yield


def inline(figure: Any, name: str, title: str) -> str:
    """The figure as an ``<svg>`` element to put into a page.

    Args:
        figure: a ``matplotlib.figure.Figure`` drawn inside :func:`drawing`.
        name: makes the ids in this SVG differ from those of the page's other figures.
        title: read out by screen readers.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    matplotlib.rcParams["svg.hashsalt"] = name
    FigureCanvasSVG(figure).print_svg(out, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = out.getvalue()
    text = re.sub(r"<!--.*?-->\n?", "", text[text.index("<svg") :], flags=re.S)
    text = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", text, flags=re.S)
    width = float(re.search(r'width="([\d.]+)pt"', text)[1])  # type: ignore[index]
    # Only tags are rewritten: < and > inside a text element are escaped, so a label is never touched.
    text = re.sub(r"<[^>]*>", _for_the_page, text)
    size = f"min-width: {0.85 * width:.0f}px; max-width: {1.54 * width:.0f}px"  # letters stay readable
    return f'<svg role="img" aria-label="{html.escape(title)}" style="{size}"' + text[len("<svg") :]


def _for_the_page(tag: re.Match[str]) -> str:
    """One tag with colours as variables, the page's font, shorter numbers, and no id that nothing refers to."""
    text = tag[0]
    if text.startswith("<svg"):
        text = re.sub(r' (width|height)="[\d.]+pt"', "", text)
    if text.startswith("<g "):
        text = re.sub(r' id="[^"]*"', "", text)
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"font: ([^;\"]*?[\d.]+px) [^;\"]*", r"font: \1 sans-serif", text)
    text = re.sub(r"(?<=\.\d\d)\d+", "", text)
    return re.sub(r"#[0-9a-f]{6}", lambda m: _VARIABLES.get(m[0], m[0]), text)


def columns(text: str) -> int:
    """How wide a text is in columns of a latin letter: East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(ch) in "WF" else 1 for ch in text)


def shortened(text: str, limit: int = 22) -> str:
    """A label of at most ``limit`` columns, without control characters.

    >>> shortened("a very long class name indeed", 12)
    'a very long…'
    """
    clean = "".join(" " if unicodedata.category(ch) in ("Cc", "Cs", "Zl", "Zp") else ch for ch in text)
    if columns(clean) <= limit:
        return clean
    while columns(clean) > limit - 1:
        clean = clean[:-1]
    return clean.rstrip() + "…"
