"""How long a finished comparison takes that is asked again: with another metric and another prior, and nothing trained.

    python benchmarks/judged_again.py --out benchmarks/results/DATE-judged-again.md
    python benchmarks/judged_again.py islands-lt --recipes logistic,erm --epochs 3 --folder kept

First the comparison is made, which trains (into ``--folder``, where it is made once). Then the same command is run again
with each of ``QUESTIONS``, in processes of their own: seconds from the start of the process to its end, and its processor
time, which other work on the machine moves less. That nothing was trained is checked twice: no file of a run or of the
cache was written, and the same call in this process tells of no event of a training.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from longtail import api
from longtail.comparison.results import hardware, versions

RECIPES = "logistic,random-under+logistic,random-forest,gradient-boosting,erm,balanced-softmax,crt"
QUESTIONS = (("nll", "balanced"), ("roc_auc", "natural"), ("average_precision_rarest", "balanced"))
"""Metric and prior."""
TRAINED = ("epoch", "task", "key")
"""What an event of a training, or of a run that is made, holds."""


def asked(words: list[str]) -> tuple[float, float]:
    """Seconds that a command of longtail took, and its processor seconds."""
    return timed(["-m", "longtail", *words])


def timed(arguments: list[str]) -> tuple[float, float]:
    """The same of a process of Python, which keeps what it compiles, as anybody's does."""
    own = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=own)
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"python {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, own


def written(folder: Path) -> dict[str, int]:
    """When each file of a run, and of the cache, was written."""
    files = [file for room in ("runs", "cache") for file in (folder / room).rglob("*") if file.is_file()]
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in files}


def check_events(
    data: str, recipes: list[str], folds: int, epochs: int | None, folder: Path
) -> tuple[int, list[float]]:
    """The same questions in this process, where all is imported: how many events there were, of which none may be of a
    training, and the seconds that each question but the first took.
    """
    events: list[dict[str, object]] = []
    seconds = []
    for metric, prior in QUESTIONS:
        began = time.perf_counter()
        api.compare(
            data, recipes=recipes, folds=folds, epochs=epochs, metric=metric, prior=prior, out=folder,
            baseline=recipes[0], on=events.append,
        )  # fmt: skip
        seconds.append(time.perf_counter() - began)
    trained = [event for event in events if any(key in event for key in TRAINED)]
    assert not trained, trained[:3]
    return len(events), seconds[1:]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default="islands-lt")
    parser.add_argument("--recipes", default=RECIPES)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="of the comparison; None is thrown away afterwards")
    parser.add_argument("--out", type=Path, help="Markdown file to write, beside what is printed")
    args = parser.parse_args()
    recipes = args.recipes.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch) / "out"
        words = [
            "compare",
            args.data,
            "--recipes",
            args.recipes,
            "--folds",
            str(args.folds),
            "--out",
            str(folder),
        ]
        words += ["--baseline", recipes[0], *([] if args.epochs is None else ["--epochs", str(args.epochs)])]
        new = not (folder / "results.json").exists()
        first, _ = asked(words)
        before = written(folder)
        assert before, "no run was kept"
        times: dict[tuple[str, str], list[tuple[float, float]]] = {question: [] for question in QUESTIONS}
        for _ in range(args.repeats):
            for metric, prior in QUESTIONS:
                times[metric, prior].append(asked([*words, "--metric", metric, "--prior", prior]))
        events, inside = check_events(args.data, recipes, args.folds, args.epochs, folder)
        torch = [timed(["-c", "import torch"]) for _ in range(args.repeats)]
        assert written(folder) == before, "a run was made, or a stage trained"
    said = f"; the first call took {first:.0f} s" if new else ""
    shown = " ".join(["longtail", *(word for word in words if word not in ("--out", str(folder)))])
    lines = [
        "# A finished comparison, asked again",
        "",
        f"{hardware()}; {', '.join(f'{name} {v}' for name, v in versions().items())}. {len(recipes)} recipes, "
        f"{args.folds} folds of {args.data}{said}. Seconds of a whole process, from its "
        f"start to its end, median (fastest to slowest) of {args.repeats}; processor seconds are its own, all "
        f"threads. No file of a run or of the cache was written, and none of {events} events was of a training.",
        "",
        f"    {shown}",
        "    the same with --metric METRIC --prior PRIOR",
        "",
        "| metric | prior | seconds | processor seconds |",
        "|---|---|---|---|",
    ]
    for (metric, prior), found in times.items():
        wall, own = zip(*found)
        cells = [f"{statistics.median(v):.1f} ({min(v):.1f} to {max(v):.1f})" for v in (wall, own)]
        lines.append(f"| {metric} | {prior} | {' | '.join(cells)} |")
    alone = [f"{statistics.median(v):.1f} ({min(v):.1f} to {max(v):.1f})" for v in zip(*torch)]
    lines += [
        f"| a process that imports torch and ends | | {' | '.join(alone)} |",
        "",
        f"`longtail.compare(...)` in a Python that has asked once: {' and '.join(f'{s:.1f}' for s in inside)} s.",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if args.out is not None:
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
