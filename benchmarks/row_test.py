"""The test on rows: how often it sees a difference where there is none, how often it sees one that is there, and how
much of the winner's luck its correction takes off. By simulation, beside the corrected resampled t-test.

Five settings: two, five and ten classes, mild to 100 times, 300 to 5,000 rows, three and five folds. Three learners:
- "lda": linear discriminant analysis. Two recipes see two blocks of features with the same distribution.
- "subspace": the same on five of eight features, drawn anew in every fold, so training is unstable.
- "random net": ridge regression on 40 random ReLU features, drawn anew in every fold.
The two recipes of a pair are exchangeable, so that any difference seen is a false alarm; for power the second block of
features is made less informative by ``--gap``.

python benchmarks/row_test.py > benchmarks/results/DATE-row-test.md
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from longtail.comparison.influence import influence, smooth, terms_of
from longtail.comparison.results import hardware, versions
from longtail.comparison.row_test import Layout, expected_of_winner, row_test
from longtail.comparison.statistics import corrected_t_test

SETTINGS: dict[str, tuple[Any, int]] = {
    "2 classes, 10 %, n 300, 5 folds": ([270, 30], 5),
    "2 classes, 2 %, n 2,000, 3 folds": ([1960, 40], 3),
    "2 classes, 2 %, n 5,000, 5 folds": ([4900, 100], 5),
    "5 classes, 3:1, n 500, 3 folds": ([150, 125, 100, 75, 50], 3),
    "10 classes, 75:1, n 1,120, 5 folds": ([450, 269, 161, 96, 58, 35, 21, 12, 7, 6], 5),
}
FEATURES, TOLD_BY = 8, 1.6
PARTS = ("alarms", "seeds", "power", "equal", "unequal")
METRICS = ("macro_f1", "balanced_accuracy", "nll")
Fitted = tuple[Callable[[Any], Any], Any]  # scores with no prior in them, and the log prior


def lda(x: Any, y: Any, c: int, random: Any) -> Fitted:
    count = np.bincount(y, minlength=c)
    mean = np.stack([np.bincount(y, weights=column, minlength=c) for column in x.T], 1)
    mean /= np.maximum(count, 1)[:, None]
    rest = x - mean[y]
    weight = np.linalg.solve(rest.T @ rest / len(y) + 1e-2 * np.eye(x.shape[1]), mean.T)
    bias = -0.5 * (mean * weight.T).sum(1) - np.where(count > 0, 0, 1e9)
    return lambda new: new @ weight + bias, np.log(np.maximum(count, 1) / len(y))


def subspace(x: Any, y: Any, c: int, random: Any) -> Fitted:
    few = random.permutation(x.shape[1])[:5]
    scores, prior = lda(x[:, few], y, c, random)
    return lambda new: scores(new[:, few]), prior


def random_net(x: Any, y: Any, c: int, random: Any) -> Fitted:
    w, b = random.normal(size=(x.shape[1], 40)), random.normal(size=40)
    scores, prior = lda(np.maximum(x @ w + b, 0), y, c, random)
    return lambda new: scores(np.maximum(new @ w + b, 0)), prior


LEARNERS = {"lda": lda, "subspace": subspace, "random net": random_net}


def dealt(y: Any, k: int, random: Any) -> Any:
    """A stratified fold of each row."""
    order = random.permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), dtype=np.int64)
    fold[order] = np.arange(len(y)) % k
    return fold


def blocks(y: Any, c: int, number: int, random: Any, weaker: Any) -> list[Any]:
    """Blocks of features: alike in distribution, half of their noise in common, block j weaker by ``weaker[j]``."""
    centre = np.random.default_rng(c).normal(size=(c, FEATURES)) * TOLD_BY / FEATURES**0.5
    centre *= 1.3 if c > 2 else 1.0
    common = random.normal(size=(len(y), FEATURES))
    return [
        centre[y] * (1 - weaker[j]) + (common + random.normal(size=common.shape)) / 2**0.5
        for j in range(number)
    ]


def cross_validated(x: Any, y: Any, folds: list[Any], c: int, learner: Any, random: Any) -> dict[str, Any]:
    """Decisions by prior and NLL of the test rows of all runs, one run after the other."""
    out: dict[str, list[Any]] = {"macro_f1": [], "balanced_accuracy": [], "nll": []}
    for fold in folds:
        for j in range(int(fold.max()) + 1):
            test = fold == j
            scores, prior = learner(x[~test], y[~test], c, random)
            z = scores(x[test])
            out["balanced_accuracy"].append(z.argmax(1))
            z = z + prior
            out["macro_f1"].append(z.argmax(1))
            z = z - z.max(1, keepdims=True)
            true = z[np.arange(len(z)), y[test]] - np.log(np.exp(z).sum(1))
            out["nll"].append(np.minimum(-true, 36.0))
    return {name: np.concatenate(found) for name, found in out.items()}


def score(y: Any, run: Any, found: Any, metric: str, c: int) -> tuple[Any, Any]:
    """The metric of every run, and the influence of every row."""
    runs = int(run.max()) + 1
    if metric == "nll":
        value = np.bincount(run, weights=found) / np.bincount(run)
        return value, influence(smooth()["nll"], {"nll": (None, torch.as_tensor(found))}, y, run, c)
    table = np.bincount((run * c + y) * c + found, minlength=runs * c * c).reshape(runs, c, c)
    true, hit, decided = table.sum(2), np.einsum("rcc->rc", table), table.sum(1)
    with np.errstate(invalid="ignore"):
        each = hit / true if metric == "balanced_accuracy" else 2 * hit / (true + decided)
    made, d = smooth()[metric], torch.as_tensor(found)
    terms = terms_of(torch.eye(c)[d], torch.as_tensor(y), d, [made])
    return np.nanmean(each, axis=1), influence(made, terms, y, run, c)


def layout_of(y: Any, folds: list[Any]) -> tuple[Any, Layout]:
    """The classes and the layout of the test rows of all runs."""
    rows = np.concatenate([np.flatnonzero(f == j) for f in folds for j in range(int(f.max()) + 1)])
    sizes = [int((f == j).sum()) for f in folds for j in range(int(f.max()) + 1)]
    run = np.repeat(np.arange(len(sizes)), sizes)
    seed = np.repeat(np.arange(len(folds)), int(folds[0].max()) + 1)
    return y[rows], Layout(y[rows], run, seed, rows)


def pairs(
    setting: str, learner: str, trials: int, gap: float, seeds: int, start: int
) -> dict[str, tuple[float, float, float, float]]:
    """By metric: how often p < .05 by rows and by folds, the mean difference, and its variance over the mean estimate."""
    counts, k = SETTINGS[setting]
    c, y = len(counts), np.repeat(np.arange(len(counts)), counts)
    random = np.random.default_rng([start, len(y), c])
    seen: dict[str, list[Any]] = {m: [] for m in METRICS}
    for _ in range(trials):
        inputs = blocks(y, c, 2, random, (0.0, gap))
        folds = [dealt(y, k, random) for _ in range(seeds)]
        classes, layout = layout_of(y, folds)
        said = [cross_validated(x, y, folds, c, LEARNERS[learner], random) for x in inputs]
        for metric in METRICS:
            (a, psi_a), (b, psi_b) = (score(classes, layout.run, s[metric], metric, c) for s in said)
            rows = row_test(a - b, psi_a - psi_b, layout)
            plain = corrected_t_test((a - b).tolist(), 1 / k)
            seen[metric].append((rows.p < 0.05, plain[3] < 0.05, rows.mean, rows.error**2))
    out = {}
    for metric, lines in seen.items():
        table = np.array(lines, dtype=float)
        ratio = table[:, 2].var() / table[:, 3].mean()
        out[metric] = (table[:, 0].mean(), table[:, 1].mean(), table[:, 2].mean(), ratio)
    return out


def winners(setting: str, trials: int, spread: float, recipes: int, start: int) -> dict[str, Any]:
    """By metric: the winner's score as picked, what it is expected to be, and what it truly is, as means over trials.

    The truth of a recipe is its mean score over all trials; ``spread`` is how much weaker the last recipe's features are.
    """
    counts, k = SETTINGS[setting]
    c, y = len(counts), np.repeat(np.arange(len(counts)), counts)
    random = np.random.default_rng([start, len(y), c])
    weaker = np.linspace(0, spread, recipes)
    found: dict[str, list[Any]] = {m: [] for m in METRICS[:2]}
    for _ in range(trials):
        folds = [dealt(y, k, random)]
        classes, layout = layout_of(y, folds)
        inputs = blocks(y, c, recipes, random, weaker)
        said = [cross_validated(x, y, folds, c, lda, random) for x in inputs]
        for metric, lines in found.items():
            scores = [score(classes, layout.run, s[metric], metric, c) for s in said]
            means = np.array([v.mean() for v, _ in scores])
            moved = np.stack([layout.moved(psi) for _, psi in scores])
            lines.append((means, expected_of_winner(means, moved, draws=2000)))
    out = {}
    for metric, lines in found.items():
        means = np.stack([m for m, _ in lines])
        picked = means.argmax(1)
        true = means.mean(0)
        out[metric] = (means.max(1).mean(), np.mean([e for _, e in lines]), true[picked].mean())
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=400, help="comparisons of two equal recipes a setting")
    parser.add_argument("--power-trials", type=int, default=150)
    parser.add_argument("--gap", type=float, default=0.2)
    parser.add_argument("--start", type=int, default=1, help="seed of all draws")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    began = time.time()

    def say(*lines: str) -> None:
        print(*lines, sep="\n", flush=True)

    numbers = ", ".join(f"{n} {v}" for n, v in versions().items() if n in ("python", "numpy", "scikit-learn"))
    say("# The test on rows, by simulation\n", f"{hardware()}, one thread; {numbers}.\n")
    say(f"    python {' '.join(sys.argv)}\n")
    titles = {"macro_f1": "macro F1", "balanced_accuracy": "balanced accuracy", "nll": "NLL"}
    for part, gap, trials, seeds, head in (
        ("alarms", 0.0, args.trials, 1, "False alarms: p < .05 between two equal recipes"),
        ("seeds", 0.0, args.trials // 2, 3, "False alarms with three seeds, folds dealt anew"),
        (
            "power",
            args.gap,
            args.power_trials,
            1,
            f"Power: the second recipe's features tell {args.gap:.0%} less",
        ),
    ):
        if part not in args.parts:
            continue
        say(f"## {head}\n", f"{trials} comparisons a line. Rows / folds (the corrected resampled t-test).\n")
        ratio = " | true variance over estimated" if gap == 0 else " | difference of macro F1"
        say(
            "| setting | learner | " + " | ".join(titles.values()) + ratio + " |",
            "|" + "---|" * (len(METRICS) + 3),
        )
        for setting in list(SETTINGS)[:1] + list(SETTINGS)[3:4] if seeds > 1 else SETTINGS:
            for learner in LEARNERS:
                found = pairs(setting, learner, trials, gap, seeds, args.start)
                cells = [f"{found[m][0]:.3f} / {found[m][1]:.3f}" for m in METRICS]
                last = (
                    ", ".join(f"{found[m][3]:.2f}" for m in METRICS)
                    if gap == 0
                    else f"{found['macro_f1'][2]:.3f}"
                )
                say(f"| {setting} | {learner} | " + " | ".join(cells) + f" | {last} |")
        say("")
    say(
        "## The winner of ten recipes (lda)\n",
        f"{args.power_trials} comparisons a line. As picked / expected after the correction / true, and the share of the "
        "luck that was taken off.\n",
        "| setting | recipes | macro F1 | taken off | balanced accuracy | taken off |",
        "|---|---|---|---|---|---|",
    )
    for spread, name in ((0.0, "equal"), (0.3, "unequal")):
        if name not in args.parts:
            continue
        for setting in SETTINGS:
            found = winners(setting, args.power_trials, spread, 10, args.start)
            cells = []
            for picked, expected, true in found.values():
                luck = picked - true
                cells.append(f"{picked:.3f} / {expected:.3f} / {true:.3f} | {(picked - expected) / luck:.0%}")
            say(f"| {setting} | {name} | " + " | ".join(cells) + " |")
    say("", f"{time.time() - began:.0f} s in all.")


if __name__ == "__main__":
    main()
