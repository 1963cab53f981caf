"""Batch-wise augmentation against a per-image Pillow pipeline, and what an epoch spends outside the net.

    python benchmarks/augment.py --data DATA/cifar10-lt   # prints the tables of benchmarks/results/
    python benchmarks/augment.py --quick                  # a smoke run on noise

All pad by 4, crop, flip and normalise images of 32 x 32. *As torchvision* goes image by image through the steps of its
``RandomCrop(32, padding=4)``, ``RandomHorizontalFlip``, ``ToTensor`` and ``Normalize`` on Pillow images, written out here
(torchvision itself is not needed); *bare* is the least that Pillow and NumPy can do it with, draws from ``random``
included.
All take turns, each after a call to warm up; with one thread on a CPU the times are processor times, which other work
on the machine disturbs least.

The epoch is one of the real training loop (``run_stage``) on the first ``--images`` images of CIFAR-10-LT, drawn so that
the classes keep their shares. Timers stand around the net's forward pass, ``backward`` and the optimiser's step; what is
left of the epoch (drawing and gathering indices, augmenting, the loss, the schedule, bookkeeping) is *outside the net*.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from longtail.augment import AutoAugment, Compose, CropFlip, Cutout, RandAugment, SimCLRView
from longtail.backbones import ResNetCIFAR
from longtail.backbones.resnet_cifar import CIFAR_MEAN, CIFAR_STD
from longtail.data import choose_first, cifar_lt_counts, load
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.labels import Labels
from longtail.mixing import Mixup
from longtail.net import Net
from longtail.part import part
from longtail.protocol import cifar_ldam
from longtail.recipe import Stage
from longtail.recipes import bag_of_tricks
from longtail.run import Engine, run_stage
from longtail.samplers import ClassBalanced

MEAN, STD = torch.tensor([125.3, 123.0, 113.9]), torch.tensor([63.0, 62.1, 66.7])


def timed(
    run: Callable[[], object],
    repeats: int,
    device: torch.device,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Median seconds of a call, after one to warm up."""
    times = []
    for k in range(repeats + 1):
        began = clock()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if k:
            times.append(clock() - began)
    return statistics.median(times)


def as_torchvision(images: list[Image.Image]) -> Tensor:
    """Crop, flip and normalise, one image after another, in the steps of torchvision's transforms."""
    out = []
    for image in images:
        padded = ImageOps.expand(image, 4)
        top, left = (int(torch.randint(0, 9, size=(1,)).item()) for _ in range(2))
        cut = padded.crop((left, top, left + 32, top + 32))
        if torch.rand(1) < 0.5:
            cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        x = (
            torch.from_numpy(np.array(cut, np.uint8, copy=True))
            .permute(2, 0, 1)
            .contiguous()
            .float()
            .div(255)
        )
        mean, std = torch.as_tensor(CIFAR_MEAN).view(-1, 1, 1), torch.as_tensor(CIFAR_STD).view(-1, 1, 1)
        out.append(x.clone().sub_(mean).div_(std))
    return torch.stack(out)


def bare(images: list[Image.Image]) -> Tensor:
    """The same with as little around it as we can."""
    out = []
    for image in images:
        padded = ImageOps.expand(image, 4)
        left, top = random.randrange(9), random.randrange(9)
        cut = padded.crop((left, top, left + 32, top + 32))
        if random.random() < 0.5:
            cut = ImageOps.mirror(cut)
        x = torch.from_numpy(np.array(cut)).permute(2, 0, 1).float()
        out.append((x - MEAN[:, None, None]) / STD[:, None, None])
    return torch.stack(out)


class Timers:
    """Seconds spent in a net's forward passes, in ``backward`` and in optimisers' steps, while it is entered."""

    def __init__(self, net: torch.nn.Module, device: torch.device) -> None:
        self.spent = {"forward": 0.0, "backward": 0.0, "optimiser": 0.0}
        self.net, self.device, self.began = net, device, 0.0

    def now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def start(self) -> Callable[..., None]:
        def mark(
            *_: object,
        ) -> None:  # a function, not a method: the loop's deep copy of the net keeps functions
            self.began = self.now()

        return mark

    def stop(self, name: str) -> Callable[..., None]:
        def add(*_: object) -> None:
            self.spent[name] += self.now() - self.began

        return add

    def __enter__(self) -> Timers:
        self.hooks = [
            self.net.register_forward_pre_hook(self.start()),  # the loop's copy of the net has them too
            self.net.register_forward_hook(self.stop("forward")),
            register_optimizer_step_pre_hook(self.start()),
            register_optimizer_step_post_hook(self.stop("optimiser")),
        ]
        self.backward = Tensor.backward

        def backward(of: Tensor, *args: object, **kwargs: object) -> None:
            self.start()()
            self.backward(of, *args, **kwargs)
            self.stop("backward")()

        Tensor.backward = backward  # type: ignore[method-assign, assignment]
        return self

    def __exit__(self, *_: object) -> None:
        Tensor.backward = self.backward  # type: ignore[method-assign]
        for hook in self.hooks:
            hook.remove()


def an_epoch(stage: Stage, data: Examples, depth: int, device: torch.device) -> dict[str, float]:
    """The second of two epochs: seconds in all, and shares of it."""
    torch.manual_seed(0)
    net = Net(ResNetCIFAR(depth), Linear(64, data.labels.num_classes))
    ends: list[dict[str, float]] = []
    with Timers(net, device) as timers:
        run_stage(
            net,
            stage.but(epochs=2),
            data,
            key="benchmark",
            engine=Engine(device=str(device)),
            on=lambda event: ends.append({**timers.spent, "seconds": event["seconds"]}),
        )
    took = {name: ends[1][name] - ends[0][name] for name in timers.spent}
    whole = ends[1]["seconds"]
    return {
        "seconds": whole,
        **{k: v / whole for k, v in took.items()},
        "outside": 1 - sum(took.values()) / whole,
    }


def cifar(path: str | None, images: int) -> Examples:
    """The first images of CIFAR-10-LT after a fixed shuffle; noise under the same counts without a path."""
    draw = torch.Generator().manual_seed(0)
    if path is None:
        y = torch.repeat_interleave(torch.arange(10), cifar_lt_counts(10, 100))
        index = torch.randperm(len(y), generator=draw)[:images]
        noise = torch.randint(256, (images, 3, 32, 32), dtype=torch.uint8, generator=draw)
        return Examples(noise, Labels.of(y[index], num_classes=10))
    rows = load(path)
    if int(rows.labels.counts.max()) == 5000 and rows.labels.classes.imbalance < 50:
        rows = rows.take(choose_first(rows.labels, cifar_lt_counts(10, 100)))
    rows = rows.take(torch.randperm(len(rows), generator=draw)[:images])
    return Examples(rows.raw, rows.labels)


def main() -> None:
    """Run the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", help="a folder or file of CIFAR-10-LT; noise without it")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=None)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    device, repeats = torch.device(args.device), 2 if args.quick else 20
    draw = torch.Generator(device=device).manual_seed(0)
    batch = torch.randint(256, (512, 3, 32, 32), dtype=torch.uint8, device=device, generator=draw)
    pictures = [Image.fromarray(x.permute(1, 2, 0).cpu().numpy()) for x in batch]
    mean, scale = MEAN.to(device)[:, None, None], 1 / STD.to(device)[:, None, None]
    crop = CropFlip()

    def ours() -> Tensor:
        return crop(batch, draw).float().sub_(mean).mul_(scale)

    sides: dict[str, Callable[[], Tensor]] = {
        "image by image, as torchvision": lambda: as_torchvision(pictures),
        "image by image, bare": lambda: bare(pictures),
        "the batch at once": ours,
    }
    clock = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, side in sides.items():
            taken[name].append(timed(side, 1, device, clock))
    fast = statistics.median(taken["the batch at once"])
    lines = [
        f"# Augmentation, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads, "
        f"device {device}; Python {platform.python_version()}, torch {torch.__version__}. n={repeats}. Made by "
        "`python benchmarks/augment.py`.",
        "",
        "| crop, flip, normalise `[512, 3, 32, 32]` | ms a batch | fastest | against the batch at once |",
        "|---|---|---|---|",
        *(
            f"| {name} | {1e3 * statistics.median(t):.2f} | {1e3 * min(t):.2f} | {statistics.median(t) / fast:.1f} |"
            for name, t in taken.items()
        ),
        "",
        "| uint8 to uint8 | ms a batch |",
        "|---|---|",
    ]
    for augment in (
        CropFlip(),
        Cutout(),
        RandAugment(),
        AutoAugment(),
        Compose((CropFlip(), AutoAugment(), Cutout())),
        SimCLRView(),
    ):
        name = type(augment).__name__ if not isinstance(augment, Compose) else "CropFlip, AutoAugment, Cutout"
        spent = timed(lambda a=augment: a(batch, draw), repeats, device)
        lines.append(f"| {name} | {1e3 * spent:.2f} |")
    print("\n".join(lines), flush=True)
    data = cifar(args.data, 512 if args.quick else args.images)
    base, depth = cifar_ldam(), 8 if args.quick else args.depth
    strong = part(Compose, parts=(part(CropFlip), part(AutoAugment), part(Cutout)))
    cam = bag_of_tricks(base).stages[1]
    stages = {
        "the protocol: every image once; crop, flip": base,
        "class-balanced draws; crop, flip": base.but(streams=(part(ClassBalanced),)),
        "crop, flip, mixup": base.but(mix=part(Mixup)),
        "crop, flip, AutoAugment, Cutout": base.but(augment=strong),
        "bag of tricks' second stage (its maps are forward passes of a second net)": cam,
    }
    head = [
        "",
        f"An epoch of `run_stage`, ResNet-{depth}, batch 128, {len(data)} images"
        f" of {'CIFAR-10-LT' if args.data else 'noise'}:",
        "",
        "| stage | epoch s | forward % | backward % | optimiser % | outside the net % |",
        "|---|---|---|---|---|---|",
    ]
    print("\n".join(head), flush=True)
    for name, stage in stages.items():
        runs = [an_epoch(stage, data, depth, device) for _ in range(1 if args.quick else args.epochs)]
        middle = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
        low, high = min(r["outside"] for r in runs), max(r["outside"] for r in runs)
        shares = " | ".join(f"{100 * middle[k]:.1f}" for k in ("forward", "backward", "optimiser"))
        print(
            f"| {name} | {middle['seconds']:.2f} | {shares} | {100 * middle['outside']:.2f} "
            f"({100 * low:.2f} to {100 * high:.2f}, n={len(runs)}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
