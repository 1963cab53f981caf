"""Representation x classifier, crossed, with bounds: what decoupling rests on (Kang et al., ICLR 2020).

    LONGTAIL_DATA=DATA python benchmarks/decoupling.py [digits | cifar10-lt] [--seeds 5] [--most 90] [--imbalance 20]
        [--epochs E] [--out decoupling-out]

The representation is a net trained instance-balanced, re-weighted (1 / n), re-sampled (class-balanced) or with mixup; its
head is kept ("joint") or trained anew on the fixed features: instance-balanced, re-weighted, re-sampled. Each head is
stepped through for ``--head-epochs``, as in the paper. Solved to the optimum, as ``longtail compare`` does it, a
re-weighted head and a re-sampled one are the same: both have the same expected loss.

cls-bound: the head is trained on as many *fresh* rows as the training set has, all classes equally many, under the same
features. What it gains over the best column is what re-balancing a head cannot give. net-bound: the whole net is trained
on those rows. What it gains over cls-bound the features lack.

Then, from the instance-balanced net: the head alone against all of the net at a small rate, on class-balanced batches;
and mixup in the first stage, the second, or both (Zhong et al., CVPR 2021).

Each seed draws training rows, fresh rows, initial weights and order; test rows are the rest (digits), or the test part
(CIFAR). Balanced accuracy in %, as decided and with the balanced prior set; mean and standard deviation over seeds.
The same call goes on after a kill: finished stages and scores lie in ``--out``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from longtail import __version__, api
from longtail.comparison.results import hardware
from longtail.data.digits import digits
from longtail.data.imbalance import choose_random, exponential_counts
from longtail.examples import Examples
from longtail.files import write_json
from longtail.kinds.start import base_stage, starting_net
from longtail.labels import Labels
from longtail.losses import CrossEntropy
from longtail.metrics import evaluate
from longtail.mixing import Mixup
from longtail.net import Net
from longtail.part import part
from longtail.recipe import Recipe, Stage
from longtail.recipes import class_balanced_sampling, erm, fine_tune_balanced, mixup, weighted_ce
from longtail.run import Engine, Outcome, train_stages
from longtail.samplers import ClassBalanced
from longtail.store import FolderStore
from longtail.surgery import ResetHead
from longtail.weights import inverse

FEATURES = {
    "instance": erm,
    "re-weighted": weighted_ce,
    "re-sampled": class_balanced_sampling,
    "mixup": mixup,
}
HEADS: dict[str, dict[str, Any]] = {
    "instance": {},
    "re-weighted": {"loss": part(CrossEntropy, weight=part(inverse))},
    "re-sampled": {"streams": (part(ClassBalanced),)},
}
RATES = (0.1, 0.01)
MIXED = "re-sampled, mixup"


@dataclass(frozen=True)
class Draw:
    """Rows of one seed: long-tailed ones, fresh ones with as many of each class, and those that test."""

    train: Examples
    fresh: Examples
    test: Examples


def pool(name: str) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor] | None]:
    """Images and classes to draw from, and the test part where there is one."""
    if name == "digits":
        pixels, digit = map(torch.from_numpy, digits())
        grey = (pixels * (255 / 16)).round().to(torch.uint8)
        return grey[:, None].expand(-1, 3, -1, -1).contiguous(), digit, None
    folder = Path(os.environ["LONGTAIL_DATA"]) / name
    train, test = (api.load(folder / f"{which}.parquet") for which in ("train", "test"))
    return train.raw, train.labels.y, (test.raw, test.labels.y)


def drawn(name: str, most: int, imbalance: float, seed: int) -> Draw:
    """The rows of one seed.

    Raises:
        ValueError: the pool has too few rows of a class.
    """
    x, y, test = pool(name)
    labels = Labels.of(y)
    classes = labels.num_classes
    index = choose_random(labels, exponential_counts(most, classes, imbalance), seed)
    left = torch.ones(len(y), dtype=torch.bool)
    left[index] = False
    rest = left.nonzero().flatten()
    each = torch.full((classes,), len(index) // classes)
    if bool((torch.bincount(y[rest], minlength=classes) < each).any()):
        raise ValueError(f"--most {most} leaves too few fresh rows: {int(each[0])} of each class are needed")
    fresh = rest[choose_random(Labels.of(y[rest], None, classes), each, seed)]
    left[fresh] = False
    if test is None:
        test = x[left], y[left]

    def examples(rows: torch.Tensor, classes_of: torch.Tensor, what: str) -> Examples:
        return Examples(rows, Labels.of(classes_of, None, classes), f"{name} {what}")

    return Draw(
        examples(x[index], y[index], "train"), examples(x[fresh], y[fresh], "fresh"), examples(*test, "test")
    )


def scored(outcome: Outcome, test: Examples) -> dict[str, float]:
    """Balanced accuracy as decided and with the balanced prior set, in %, and the calibration error as decided."""
    logits, y = outcome.logits(test.source), test.labels.y
    own = evaluate(torch.softmax(logits.double(), -1), y)
    found = {"decided": 100 * own["balanced_accuracy"], "ece": 100 * own["ece"]}
    if outcome.assumed_prior is not None:
        found["set"] = 100 * evaluate(outcome.probabilities(logits, "balanced"), y)["balanced_accuracy"]
    return found


class Experiment:
    """The cells of one seed, each trained through the cache and scored once.

    Args:
        rows: of the seed.
        base: stage; head_epochs: of heads.
        seed: of initial weights and order.
        store: of trained stages.
    """

    def __init__(self, rows: Draw, base: Stage, head_epochs: int, seed: int, store: FolderStore) -> None:
        self.rows, self.base, self.head_epochs, self.seed, self.store = rows, base, head_epochs, seed, store
        self.net = starting_net("image", rows.train, seed, "resnet8")

    def run(self, stages: tuple[Stage, ...], data: Examples, net: Net | None = None) -> Outcome:
        recipe = Recipe("decoupling", stages)
        return train_stages(
            recipe, self.net if net is None else net, data, seed=self.seed, engine=Engine(device="cpu"),
            cache=self.store.stages,
        )  # fmt: skip

    def head(self, **changes: Any) -> Stage:
        """A fresh head on the features of the images as they are."""
        stage = self.base.but(
            name="head", epochs=self.head_epochs, surgery=(part(ResetHead),), trains=("head.*",), norm_stats=False,
            augment=None, mix=None, solve=None,
        )  # fmt: skip
        return stage.but(**changes)

    def outcome(self, features: str, head: str) -> Outcome:
        """What a cell trains."""
        if features == "net-bound":
            return self.run(erm(self.base).stages, self.rows.fresh)
        first = FEATURES[features](self.base).stages
        if head == "joint":
            return self.run(first, self.rows.train)
        if head == "cls-bound":
            net = self.run(first, self.rows.train).net
            return self.run((self.head(),), self.rows.fresh, net)
        if head.startswith("all at "):
            factor = float(head.removeprefix("all at "))
            late = fine_tune_balanced(self.base, lr_factor=factor).stages[-1]
            return self.run((*first, late), self.rows.train)
        if head == MIXED:
            mixed = self.head(**HEADS["re-sampled"]).but(mix=part(Mixup, alpha=1.0))
            return self.run((*first, mixed), self.rows.train)
        return self.run((*first, self.head(**HEADS[head])), self.rows.train)


def cells() -> list[tuple[str, str]]:
    """Representation and head, in the order in which they are trained."""
    crossed = [(f, h) for f in FEATURES for h in ("joint", *HEADS, "cls-bound")]
    rates = [("instance", f"all at {rate:g}") for rate in RATES]
    mixed = [(f, MIXED) for f in ("instance", "mixup")]
    return [*crossed, ("net-bound", "joint"), *rates, *mixed]


def said(found: dict[str, dict[str, float]], features: str, head: str, key: str) -> str:
    """Mean and standard deviation over seeds."""
    values = [v[key] for name, v in found.items() if name.split("|")[1:] == [features, head] and key in v]
    if not values:
        return "–"
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.1f}{spread}"


def tables(found: dict[str, dict[str, float]]) -> str:
    """All that was scored, as Markdown."""
    columns = ("joint", *HEADS, "cls-bound")
    lines = []
    for title, key in (("as decided", "decided"), ("with the balanced prior set", "set")):
        lines += ["", f"Balanced accuracy {title}, %:", "", f"| features \\ head | {' | '.join(columns)} |"]
        lines += ["|---" * (len(columns) + 1) + "|"]
        lines += [f"| {f} | {' | '.join(said(found, f, h, key) for h in columns)} |" for f in FEATURES]
        lines += [f"| net-bound | {said(found, 'net-bound', 'joint', key)} |{' |' * (len(columns) - 1)}"]
    pairs = [
        ("head alone", "re-sampled"),
        *((f"all of the net, rate x {r:g}", f"all at {r:g}") for r in RATES),
    ]
    lines += ["", "Second stage on class-balanced batches, from the instance-balanced net:", ""]
    lines += ["| trained | as decided | prior set |", "|---|---|---|"]
    lines += [
        f"| {t} | {said(found, 'instance', h, 'decided')} | {said(found, 'instance', h, 'set')} |"
        for t, h in pairs
    ]
    lines += ["", "Mixup by stage, heads re-sampled:", ""]
    lines += ["| first stage | second stage | as decided | ECE, % |", "|---|---|---|---|"]
    for features in ("instance", "mixup"):
        for head in ("re-sampled", MIXED):
            one = "mixup" if features == "mixup" else "plain"
            two = "mixup" if head == MIXED else "plain"
            lines += [
                f"| {one} | {two} | {said(found, features, head, 'decided')} | {said(found, features, head, 'ece')} |"
            ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="?", default="digits", choices=["digits", "cifar10-lt"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=90, help="training rows of the largest class")
    parser.add_argument("--imbalance", type=float, default=20.0)
    parser.add_argument("--epochs", type=int, help="of the first stage; None is the kind's own")
    parser.add_argument("--head-epochs", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("decoupling-out"))
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    kept = asked.out / "scores.json"
    about = {k: str(v) for k, v in vars(asked).items() if k not in ("seeds", "out")}
    before: dict[str, Any] = (
        json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {"settings": about, "scores": {}}
    )
    if before["settings"] != about:
        parser.error(f"{kept} holds {before['settings']}: name another folder with --out")
    found: dict[str, dict[str, float]] = before["scores"]
    store = FolderStore(asked.out)
    for seed in range(asked.seeds):
        todo = [cell for cell in cells() if "|".join((str(seed), *cell)) not in found]
        if not todo:
            continue
        rows = drawn(asked.data, asked.most, asked.imbalance, seed)
        side, n, c = (
            rows.train.source.batch(slice(0, 1), "cpu").shape[-1],
            len(rows.train),
            rows.train.labels.num_classes,
        )
        base = base_stage("image", n=n, side=side, epochs=asked.epochs, classes=c)
        one = Experiment(rows, base, asked.head_epochs, seed, store)
        for cell in todo:
            began = time.process_time()
            score = scored(one.outcome(*cell), rows.test)
            found["|".join((str(seed), *cell))] = {**score, "cpu_seconds": time.process_time() - began}
            write_json(kept, {"settings": about, "scores": found}, indent=1)
    rows = drawn(asked.data, asked.most, asked.imbalance, 0)
    sizes = ", ".join(map(str, rows.train.labels.counts.tolist()))
    seconds = sum(v["cpu_seconds"] for v in found.values())
    print(
        f"longtail {__version__}, torch {torch.__version__}, {hardware()}; {asked.seeds} seeds, "
        f"{seconds / 60:.1f} CPU minutes"
    )
    print(
        f"{asked.data}: {len(rows.train)} training rows ({sizes}), {len(rows.fresh)} fresh, {len(rows.test)} test rows"
    )
    print(tables(found))


if __name__ == "__main__":
    main()
