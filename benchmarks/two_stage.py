"""Head stages on cached features against the full pass, and what sharing saves over the two-stage family.

    LONGTAIL_DATA=DATA python benchmarks/two_stage.py [speed] [views] [sharing] [--depth 20] [--epochs 4]
        [--head-epochs 30] [--repeats 3] [--speed-every 1] [--view-epochs 8] [--every 4] [--seeds 3] [--threads 1]

speed: cRT's head stage of ``--head-epochs`` over CIFAR-10-LT at imbalance 100 (every ``--speed-every``-th image), without
augmentation: the cached run (extraction counted in) ``--repeats`` times, half of them before and half after one full
pass. The two nets must be equal to the last bit. Wall and processor seconds; the backbone has its initial weights,
which cost what trained ones do.
views: a ResNet is trained ``--epochs`` long on every ``--every``-th image; then the head stage with augmentation: the
full pass augments at each step, the cached one keeps K views; balanced accuracy on the 10,000 test images over
``--seeds`` seeds of the head stage.
sharing: how many stages a comparison of the whole family trains, sharing equal ones and not; counted, not trained.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor

import longtail.run.loop as loop
from longtail import api
from longtail.comparison.plan import Plan
from longtail.comparison.results import hardware
from longtail.comparison.run import tasks
from longtail.data import encoder_for
from longtail.examples import Examples
from longtail.kinds.start import starting_net
from longtail.net import Net
from longtail.protocol import cifar_modern
from longtail.recipe import Stage
from longtail.recipes import crt, erm
from longtail.run import Engine, infer, run_stage
from longtail.run.features import head_only
from longtail.store import FolderStore

FAMILY = (
    "erm", "logit-adjustment", "tau-norm", "ncm", "crt", "lws", "decoupled-joint", "progressive-sampling", "disalign",
    "bags", "mixup", "mislas", "fine-tune-balanced", "drw", "drs", "ldam", "ldam-drw", "tde",
)  # fmt: skip
ENGINE = Engine(device="cpu")


def cifar(folder: Path, part: str, imbalance: float | None = None) -> Examples:
    """Images and labels of one part of CIFAR-10-LT."""
    dataset = api.load(folder / "cifar10-lt" / f"{part}.parquet", imbalance=imbalance)
    encode = encoder_for(dataset).fit(dataset.raw)
    return Examples(encode(dataset.raw), dataset.labels, part)


Seconds = tuple[float, float]


def timed(net: Net, stage: Stage, data: Examples, key: str, full: bool) -> tuple[Net, Seconds]:
    """The trained net, and the wall and processor seconds it took, extraction included."""
    kept = loop.reads_features_only
    loop.reads_features_only = (lambda *_: False) if full else kept
    try:
        wall, processor = time.perf_counter(), time.process_time()
        after, _ = run_stage(net, stage.but(views=0) if full else stage, data, key=key, engine=ENGINE)
        return after, (time.perf_counter() - wall, time.process_time() - processor)
    finally:
        loop.reads_features_only = kept


def balanced_accuracy(net: Net, features: Tensor, y: Tensor) -> float:
    """Mean recall of a head on the test features, in %."""
    with torch.no_grad():
        hit = (net.head(features).argmax(1) == y).double()
    return 100 * float(torch.stack([hit[y == c].mean() for c in range(int(y.max()) + 1)]).mean())


def speed(data: Examples, args: argparse.Namespace) -> None:
    """Without augmentation: the same bits, and how much sooner."""
    data = data.take(torch.arange(0, len(data), args.speed_every))
    net = starting_net("image", data, 0, f"resnet{args.depth}")
    stage = crt(cifar_modern(args.epochs)).stages[1].but(epochs=args.head_epochs)
    half = args.repeats // 2
    runs = [timed(net, stage, data, "speed", False) for _ in range(half)]
    full, slow = timed(net, stage, data, "speed", True)
    runs += [timed(net, stage, data, "speed", False) for _ in range(args.repeats - half)]
    state = full.state_dict()
    same = all(torch.equal(v, state[k]) for k, v in runs[0][0].state_dict().items())
    print(f"head stage of {args.head_epochs} epochs over {len(data):,} images, no augmentation")
    for k, clock in enumerate(("wall", "processor")):
        quick = [s[k] for _, s in runs]
        median = statistics.median(quick)
        print(f"{clock} seconds: full pass {slow[k]:.1f} (n=1), cached median {median:.2f} ", end="")
        print(f"({min(quick):.2f} to {max(quick):.2f}, n={len(quick)}), ratio {slow[k] / median:.1f}")
    began = time.process_time()
    head_only(copy.deepcopy(net), stage, data, ENGINE, augment=None, key="")
    print(f"of which the extraction about {time.process_time() - began:.1f} processor seconds")
    print(f"equal to the last bit: {same}")


def views(data: Examples, test: Examples, args: argparse.Namespace) -> None:
    """With augmentation: as good, within the spread of seeds."""
    few = data.take(torch.arange(0, len(data), args.every))
    base = cifar_modern(args.epochs)
    start = starting_net("image", few, 0, f"resnet{args.depth}")
    net, _ = run_stage(start, erm(base).stages[0], few, key="stage 1", engine=ENGINE)
    features = infer(net, test.x, ENGINE, features=True)
    print(f"stage 1: {args.epochs} epochs over {len(few):,} images; balanced accuracy ", end="")
    print(f"{balanced_accuracy(net, features, test.labels.y):.2f} %")
    stage = crt(base, views=1).stages[1].but(epochs=args.view_epochs)
    variants = {
        "full pass, augmented": (stage, True),
        **{f"cached, {k} views": (stage.but(views=k), False) for k in (1, 4)},
        "cached, no augmentation": (stage.but(views=0, augment=None), False),
    }
    print(f"head stage of {args.view_epochs} epochs over the same images, {args.seeds} seeds")
    for name, (made, full) in variants.items():
        runs = [timed(net, made, few, f"seed {s}", full) for s in range(args.seeds)]
        scores = [balanced_accuracy(after, features, test.labels.y) for after, _ in runs]
        mean, sd = statistics.mean(scores), statistics.stdev(scores) if len(scores) > 1 else float("nan")
        seconds = statistics.median(s[1] for _, s in runs)
        print(f"{name}: balanced accuracy {mean:.2f} ± {sd:.2f} %, {seconds:.1f} processor seconds")


def sharing(folds: int = 5) -> None:
    """Part 3."""
    dataset = api.load("digits-lt")
    known = api.known_recipes()

    def stages(names: tuple[str, ...], scratch: Path) -> int:
        plan = Plan(dataset, tuple((n, known[n]) for n in names), folds=folds, baseline=names[0])
        return sum(task.stage is not None for task in tasks(plan, FolderStore(scratch)))

    with tempfile.TemporaryDirectory() as scratch:
        together = stages(FAMILY, Path(scratch))
        alone = sum(stages((name,), Path(scratch)) for name in FAMILY)
    print(
        f"{len(FAMILY)} recipes of the family, {folds} folds, tuning refit: {together} stages with sharing, ",
        end="",
    )
    print(f"{alone} without ({alone / together:.2f} times as many)")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=["sharing", "speed", "views"])
    for name, default in (("depth", 20), ("epochs", 4), ("head-epochs", 30), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, default in (("speed-every", 1), ("view-epochs", 8), ("every", 4), ("seeds", 3), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"ResNet-{args.depth}, {args.threads} threads, {hardware()}, torch {torch.__version__}")
    folder = Path(os.environ["LONGTAIL_DATA"])
    if "sharing" in args.parts:
        sharing()
    data = cifar(folder, "train", 100)
    if "speed" in args.parts:
        speed(data, args)
    if "views" in args.parts:
        views(data, cifar(folder, "test"), args)


if __name__ == "__main__":
    main()
