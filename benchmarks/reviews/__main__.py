"""Which loss finds the food-safety complaints among restaurant reviews? A published comparison, run again and tested.

python benchmarks/reviews train.tsv --seeds 2 --out reviews
python benchmarks/reviews train.tsv --backbone hf:bert-base-chinese,tune=full

Without a file, ``o2o-food-safety/train.tsv`` under ``LONGTAIL_DATA``. A second call with the same settings goes on where
the first stopped. Writes a page, its figures, the numbers (csv, json) and ``reviews.md`` for ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from reviews.experiment import reviews
from reviews.words import show

from longtail.report.progress import progress
from longtail.run.engine import engine_of


def main(arguments: list[str]) -> None:
    """The command."""
    ask = argparse.ArgumentParser(
        prog="python benchmarks/reviews",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ask.add_argument("data", nargs="?", help="texts with labels of two classes")
    ask.add_argument("--folds", type=int, default=5, help="each row is tested once a seed")
    ask.add_argument("--seeds", type=int, default=1, help="repetitions with other initial weights and order")
    ask.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes side by side")
    ask.add_argument("--out", default="longtail-reviews", help="folder")
    ask.add_argument("--backbone", help="hf:PATH; none is the text default")
    ask.add_argument("--epochs", type=int, help="none takes the protocol's")
    ask.add_argument("--look", default="1,3", help="epochs after which p_t and gradients are drawn")
    ask.add_argument("--device", default="auto")
    ask.add_argument("--precision")
    asked = ask.parse_args(arguments)
    with progress() as on:
        found = reviews(
            asked.data,
            folds=asked.folds,
            seeds=asked.seeds,
            backbone=asked.backbone,
            epochs=asked.epochs,
            look=[int(epoch) for epoch in asked.look.split(",")],
            jobs=asked.jobs,
            out=asked.out,
            engine=engine_of(device=asked.device, precision=asked.precision),
            on=on,
            command=shlex.join(["python", "benchmarks/reviews", *arguments]),
        )
    show(found)
    print(f"Written to {asked.out}: reviews.html, reviews.md, reviews.csv, reviews.json, figures/")


if __name__ == "__main__":
    main(sys.argv[1:])
