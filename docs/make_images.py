"""The pictures of the README, from the results of `make demo`: the ranked table as SVG, the report as PNG.

    make demo && python docs/make_images.py

The screenshot needs chromium; without it the table alone is drawn.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from longtail.comparison.record import read_results
from longtail.report import show

HERE = Path(__file__).parent
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --force-device-scale-factor=1"
)


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent / "demo-out").resolve()
    images = HERE / "images"
    images.mkdir(exist_ok=True)
    console = Console(record=True, width=150, file=io.StringIO())
    show(read_results(folder / "results.json"), console)
    svg = console.export_svg(title="longtail compare islands-lt --folds 3 --baseline logistic")
    # No font from elsewhere: the reader's own monospace will do.
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg).replace("Fira Code", "monospace")
    (images / "table.svg").write_text(svg, encoding="utf-8")
    chromium = shutil.which("chromium")
    if chromium is None:
        print("no chromium: the report was not pictured")
        return
    with tempfile.TemporaryDirectory() as profile:
        shot = [
            f"--user-data-dir={profile}",
            f"--screenshot={images / 'report.png'}",
            "--window-size=1100,1500",
        ]
        page = (folder / "report.html").as_uri()
        subprocess.run([chromium, *FLAGS.split(), *shot, page], check=True, capture_output=True)


if __name__ == "__main__":
    main()
