"""Do two versions of longtail give the same numbers? Every value of ``results.csv`` is compared, to the last bit.

    python benchmarks/same_numbers.py OLD/src NEW/src -- compare digits-lt --recipes erm,focal,logistic,random-forest \
        --folds 2 --epochs 3

Behind ``--`` stands a command of longtail that writes ``results.csv`` (compare, bench). Each tree runs it into a folder
of its own. Seconds are left out. A number that only one tree has is counted and named; it is no difference, since a new
metric is such a number. ``--close NAME,NAME`` allows those recipes a relative difference of 1e-9. Exit code 1: a number
differs, or none was compared.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

Key = tuple[str, ...]
SECONDS = ("fit_seconds", "predict_seconds", "seconds")
CLOSE = 1e-9


def numbers(src: Path, command: list[str], out: Path) -> dict[Key, str]:
    """Run the command on a tree, and read its values by everything else in their rows."""
    env = {**os.environ, "PYTHONPATH": str(src.resolve())}
    if not (out / "results.csv").exists():
        subprocess.run([sys.executable, "-m", "longtail", *command, "--out", str(out)], env=env, check=True)
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = list(csv.reader(file))
    value = head.index("value")
    metric = head.index("metric")
    read = [(tuple(v for k, v in enumerate(row) if k != value), row) for row in rows]
    return {key: row[value] for key, row in read if row[metric] not in SECONDS}


def apart(a: str, b: str) -> float:
    """The relative difference of two numbers as written; inf where only one is a number."""
    if a == b:
        return 0.0
    if not a or not b:
        return math.inf
    x, y = float(a), float(b)
    return abs(x - y) / max(abs(x), abs(y), 1e-300)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("old", type=Path, help="folder that holds the package longtail")
    parser.add_argument("new", type=Path)
    parser.add_argument("--close", default="", help="recipes that may differ by 1e-9, separated by commas")
    parser.add_argument(
        "--keep", type=Path, help="folder for what OLD writes; OLD is not run where it holds that"
    )
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, help="-- and a command of longtail, without --out"
    )
    given = parser.parse_args()
    command = [word for word in given.command if word != "--"]
    with tempfile.TemporaryDirectory() as scratch:
        old = numbers(given.old, command, given.keep or Path(scratch) / "old")
        new = numbers(given.new, command, Path(scratch) / "new")
    close = set(given.close.split(","))
    both = sorted(set(old) & set(new))
    off = {key: apart(old[key], new[key]) for key in both}
    wrong = {k: d for k, d in off.items() if d > (CLOSE if close & set(k) else 0.0)}
    print(f"{len(both)} numbers in both, {sum(d == 0 for d in off.values())} equal to the last bit")
    for name, only in (("old", set(old) - set(new)), ("new", set(new) - set(old))):
        if only:
            what = Counter(key[-1] for key in only)
            print(f"only in {name}: {', '.join(f'{metric} ({n})' for metric, n in sorted(what.items()))}")
    for key in sorted(wrong, key=lambda k: -wrong[k])[:20]:
        print(f"  {' '.join(key)}: {old[key]} {new[key]}")
    print(f"{len(wrong)} differ" + (f", by {max(wrong.values()):.2g} at most" if wrong else ""))
    return 1 if wrong or not both else 0


if __name__ == "__main__":
    sys.exit(main())
