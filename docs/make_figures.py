"""The pictures of docs/figures.md: every figure of the room, of digits-lt or of what it brings itself, as SVG.

    python docs/make_figures.py [NAME ...]

What is trained for them is kept in ``longtail-figures``: about three minutes on two cores the first time.
"""

from __future__ import annotations

import sys
from pathlib import Path

from longtail import figures
from longtail.api import figures as draw

IMAGES = Path(__file__).parent / "images" / "figures"


def main(names: list[str]) -> None:
    """Draw those, or all."""
    for name in names or list(figures.found()):
        drawn = draw(name, keep="longtail-figures", out=IMAGES / f"{name}.svg")
        print(f"{name}: {drawn.caption}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
