"""A comparison with stages shared between recipes against the same comparison where each recipe trains alone.

    python benchmarks/sharing.py [DATA] [--folds 3] [--recipes erm,logit-adjustment,tau-norm,crt,...]

The scores must be equal to the last bit; the table says how many stages were trained and how long it took.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from longtail import api

FAMILY = "erm,logit-adjustment,tau-norm,crt,balanced-softmax,focal"


def compared(
    data: str, recipes: list[str], folds: int, out: Path
) -> tuple[float, int, dict[tuple[str, int], object]]:
    """Seconds, stages trained, and every score."""

    def on(event: dict[str, object]) -> None:
        if event.get("epoch") == 0 and "seconds" in event:
            count.append(1)

    count: list[int] = []
    began = time.perf_counter()
    found = api.compare(data, recipes=recipes, folds=folds, out=out, baseline=recipes[0], model=False, on=on)
    seconds = time.perf_counter() - began
    return seconds, len(count), {(run.recipe, run.fold): run.scores for run in found.record.runs}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?", default="digits-lt")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--recipes", default=FAMILY)
    args = parser.parse_args()
    names = args.recipes.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        shared = compared(args.data, names, args.folds, Path(scratch) / "shared")
        alone = [compared(args.data, [name], args.folds, Path(scratch) / name) for name in names]
    scores = {k: v for _, _, s in alone for k, v in s.items()}
    seconds, stages = sum(a[0] for a in alone), sum(a[1] for a in alone)
    print(f"{args.data}, {args.folds} folds, {len(names)} recipes: {args.recipes}")
    print(f"shared: {shared[1]} stages trained, {shared[0]:.1f} s")
    print(f"alone:  {stages} stages trained, {seconds:.1f} s")
    print(f"ratio:  {stages / shared[1]:.2f} of stages, {seconds / shared[0]:.2f} of time")
    print("scores equal to the last bit:", scores == shared[2])
    if scores != shared[2]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
