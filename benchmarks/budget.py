"""Does it arrive? `longtail compare` with a time limit on eleven real data sets: what finished, the model, the overrun.

    python benchmarks/budget.py --budget 180 --jobs 2 --out benchmarks/results/DATE-budget.md

Each is one run of the command line, from its start to its end; seconds are the whole process. Data are found through the
environment variable LONGTAIL_DATA.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas

from longtail.comparison.record import read_results


def as_it_is(path: Path, scratch: Path, *options: str) -> list[str]:
    """The file as it came."""
    return [str(path), *options]


def as_csv(frame: Any, path: Path, scratch: Path) -> list[str]:
    """A frame whose last column is the label, as a csv file of the folder's name."""
    file = scratch / f"{path.parent.name}.csv"
    frame.to_csv(file, index=False)
    return [str(file), "--label", str(frame.columns[-1])]


def thyroid(path: Path, scratch: Path) -> list[str]:
    frame = pandas.read_csv(path, header=None).dropna(axis=1, how="all").add_prefix("c")
    return as_csv(frame, path, scratch)


def questions(path: Path, scratch: Path) -> list[str]:
    lines = path.read_text(encoding="latin-1").splitlines()
    found = [line.partition(" ") for line in lines if line.strip()]
    frame = pandas.DataFrame({"text": [f[2] for f in found], "label": [f[0] for f in found]})
    return as_csv(frame, path, scratch)


def occupancy(path: Path, scratch: Path) -> list[str]:
    return as_csv(pandas.read_csv(path, index_col=0).drop(columns="date"), path, scratch)


def german(path: Path, scratch: Path) -> list[str]:
    return as_csv(pandas.read_csv(path, sep=r"\s+"), path, scratch)


def churn(path: Path, scratch: Path) -> list[str]:
    frame = pandas.read_csv(path)
    return as_csv(frame.drop(columns=["id", *(c for c in frame if c.startswith("C_"))]), path, scratch)


def walking(path: Path, scratch: Path) -> list[str]:
    frame = pandas.read_csv(path)
    return as_csv(frame.drop(columns=[c for c in ("UNIQUE_ID", "user") if c in frame]), path, scratch)


def ozone(path: Path, scratch: Path) -> list[str]:
    frame = pandas.read_csv(path, header=None, na_values="?").iloc[:, 1:].add_prefix("c")
    return as_csv(frame, path, scratch)


def titles(path: Path, scratch: Path) -> list[str]:
    return as_it_is(path, scratch, "--no-header", "--imbalance", "50")


SETS: dict[str, tuple[str, Callable[[Path, Path], list[str]]]] = {
    "mammography": ("mammography/mammography.csv", as_it_is),
    "winequality-white": ("winequality-white/winequality-white.csv", as_it_is),
    "o2o-food-safety": ("o2o-food-safety/train.tsv", as_it_is),
    "own-trec": ("own-trec/train_5500.label", questions),
    "own-ann-thyroid": ("own-ann-thyroid/ann-train.data", thyroid),
    "own-occupancy": ("own-occupancy/datatraining.txt", occupancy),
    "cost-german": ("cost-german/german.data", german),
    "cost-churn-tv": ("cost-churn-tv/churn_tv_subscriptions.csv", churn),
    "grp-wisdm": ("grp-wisdm/wisdm.csv", walking),
    "ts-ozone": ("ts-ozone/eighthr.data", ozone),
    "thucnews": ("thucnews/dev.txt", titles),
}
"""Each set's file, and how it is given to the command line: as it is, or as a csv file with a label column."""


def measure(name: str, args: list[str], budget: float, jobs: int, scratch: Path) -> dict[str, Any]:
    """One comparison, and what there is to say of it."""
    out = scratch / f"{name}-out"
    command = [
        sys.executable,
        "-m",
        "longtail",
        "compare",
        *args,
        "--budget",
        f"{budget:g}s",
        "--jobs",
        str(jobs),
    ]
    began = time.monotonic()
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    found: dict[str, Any] = {"set": name, "code": done.returncode, "seconds": seconds}
    file = out / "results.json"
    if not file.exists():
        return found | {"said": " ".join(done.stderr.split())[-300:]}
    results = read_results(file)
    runs = [run for run in results.runs if run.done]
    kept = results.model or {}
    return found | {
        "n": results.data.n,
        "classes": results.data.num_classes,
        "finished": len(list((out / "runs").glob("*.json"))),
        "counted": len(runs),
        "recipes": len({run.recipe for run in runs}),
        "folds": max((len(of) for of in results.by_recipe.values()), default=0),
        "model": kept.get("recipe") if (out / "model" / "model.json").exists() else None,
        "rows": kept.get("rows", kept.get("why", "")),
        "left_out": results.left_out,
    }


def table(found: list[dict[str, Any]], budget: float) -> str:
    """A Markdown table."""
    head = [
        "data",
        "rows",
        "classes",
        "runs finished",
        "recipes",
        "folds",
        "model kept",
        "seconds",
        "overrun",
        "exit",
    ]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for f in found:
        over = max(0.0, f["seconds"] - budget)
        model = f"{f['model']} ({f['rows'].partition(':')[0]})" if f.get("model") else f.get("said", "none")
        cells = [
            f["set"], f"{f['n']:,}" if "n" in f else "", f.get("classes", ""), f.get("finished", 0), f.get("recipes", 0),
            f.get("folds", 0), model, f"{f['seconds']:.0f}", f"{over:.0f} s ({over / budget:.0%})", f["code"],
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=float, default=180.0, help="seconds")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    root = Path(os.environ["LONGTAIL_DATA"])
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in a.sets.split(","):
            file, give = SETS[name]
            args = give(root / file, Path(folder))
            found.append(measure(name, args, a.budget, a.jobs, Path(folder)))
            print(json.dumps(found[-1]), flush=True)
    text = f"`longtail compare SET --budget {a.budget:g}s --jobs {a.jobs}`\n\n{table(found, a.budget)}\n"
    print(text)
    if a.out is not None:
        a.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
