"""Images a second of our training loop, against the bare net and against a conventional data loader.

    python benchmarks/throughput.py [--depth 8] [--images 2048] [--repeats 7] [--threads 1] [--modern] [--give-back]

Three loops train the same net with the same optimiser, turn and turn about, so that a noisy machine is noisy for all:

- bare: one synthetic batch that stays on the device; forward, backward, step, and nothing else;
- ours: ``run_stage`` on uint8 images in memory, shuffled, cropped and flipped by the batch;
- loader: a ``DataLoader`` that crops, flips and normalises image by image with Pillow, as most published code does.

All three keep the memory they free, as the command line does (``longtail.memory``); ``--give-back`` leaves that away.
Wall time is what counts on an idle machine; the CPU time of the process is beside it, which other work on the machine
disturbs less (with one thread and no workers; on a GPU it says nothing).
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from longtail.augment import AutoAugment
from longtail.backbones import ResNetCIFAR
from longtail.backbones.resnet_cifar import CIFAR_MEAN, CIFAR_STD
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.labels import Labels
from longtail.memory import keep_freed
from longtail.net import Net
from longtail.part import part
from longtail.protocol import cifar_ldam, cifar_modern
from longtail.recipe import Stage
from longtail.recipes import erm
from longtail.run import Engine, run_stage

BATCH = 128


class PillowImages(Dataset[Any]):
    """Pad, crop, flip, to float, normalise: one image at a time."""

    def __init__(self, images: np.ndarray, y: list[int]) -> None:
        self.images, self.y = images, y
        self.mean, self.std = torch.tensor(CIFAR_MEAN)[:, None, None], torch.tensor(CIFAR_STD)[:, None, None]

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        image = ImageOps.expand(Image.fromarray(self.images[i]), 4)
        left, top = random.randint(0, 8), random.randint(0, 8)
        image = image.crop((left, top, left + 32, top + 32))
        if random.random() < 0.5:
            image = ImageOps.mirror(image)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
        return (pixels - self.mean) / self.std, self.y[i]


def net_for(depth: int, device: torch.device, normalised: bool = False) -> Net:
    """The net; one that is fed normalised images does not normalise again."""
    torch.manual_seed(0)
    own = {"mean": (0.0,) * 3, "std": (1 / 255,) * 3} if normalised else {}
    return (
        Net(ResNetCIFAR(depth, **own), Linear(64, 10))
        .to(device)
        .to(memory_format=torch.channels_last)
        .train()
    )


def trainer(net: Net, engine: Engine) -> Callable[[torch.Tensor, torch.Tensor], None]:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=2e-4)

    def step(x: torch.Tensor, y: torch.Tensor) -> None:
        with engine.autocast():
            loss = F.cross_entropy(net(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="processes of the DataLoader")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--give-back", action="store_true", help="freed memory goes back to the system")
    parser.add_argument("--modern", action="store_true", help="ours with AutoAugment and cutout besides")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not args.give_back:
        keep_freed()
    engine = Engine(device=args.device, precision=args.precision)
    device, n = engine.on, args.images // BATCH * BATCH
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    y = torch.from_numpy(rng.integers(0, 10, n))
    examples = Examples(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), Labels.of(y, None, 10))
    base: Stage = cifar_modern(2, part(AutoAugment)) if args.modern else cifar_ldam(2)
    stage, start = erm(base).stages[0], net_for(args.depth, device)
    bare_step = trainer(net_for(args.depth, device), engine)
    loader_step = trainer(net_for(args.depth, device, normalised=True), engine)
    x0, y0 = examples.x[:BATCH].to(device), y[:BATCH].to(device)  # type: ignore[index, union-attr]
    loader = DataLoader(
        PillowImages(pixels, y.tolist()), BATCH, shuffle=True, num_workers=args.workers,
        pin_memory=device.type == "cuda", persistent_workers=args.workers > 0,
    )  # fmt: skip

    def bare() -> tuple[float, float]:
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(n // BATCH):
            bare_step(x0, y0)
        finish(device)
        return time.perf_counter() - began, time.process_time() - cpu

    def ours() -> tuple[float, float]:
        marks = []

        def mark(event: dict[str, Any]) -> None:
            marks.append((time.perf_counter(), time.process_time()))

        run_stage(start, stage, examples, key="throughput", engine=engine, on=mark)
        return marks[1][0] - marks[0][0], marks[1][1] - marks[0][
            1
        ]  # the second epoch: what a long run repeats

    def conventional() -> tuple[float, float]:
        began, cpu = time.perf_counter(), time.process_time()
        for x, labels in loader:
            loader_step(
                x.to(device, non_blocking=True).contiguous(memory_format=torch.channels_last),
                labels.to(device),
            )
        finish(device)
        return time.perf_counter() - began, time.process_time() - cpu

    loops = {"bare": bare, "ours": ours, "loader": conventional}
    for loop in loops.values():
        loop()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in loops}
    for k in range(args.repeats):
        for name in list(loops)[:: 1 if k % 2 else -1]:
            times[name].append(loops[name]())
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {args.threads} threads"
    augment = "crop, flip, AutoAugment, cutout" if args.modern else "crop, flip"
    print(f"ResNet-{args.depth}, {n} images an epoch, {args.precision}, {where}, torch {torch.__version__}")
    print(f"ours: {augment}; loader: crop, flip, {args.workers} workers; n={args.repeats}, medians (range)")
    for name, found in times.items():
        rates = sorted(n / wall for wall, _ in found)
        print(
            f"{name:7} {statistics.median(rates):8.0f} images/s ({rates[0]:.0f} to {rates[-1]:.0f})", end=""
        )
        print(f"; {statistics.median(n / cpu for _, cpu in found):8.0f} a second of CPU time")
    for other in ("bare", "loader"):
        for kind, what in enumerate(("wall", "CPU")):
            pairs = sorted(b[kind] / o[kind] for o, b in zip(times["ours"], times[other]))
            print(
                f"ours / {other}, {what} time: {statistics.median(pairs):.3f} ({pairs[0]:.3f} to {pairs[-1]:.3f})"
            )


if __name__ == "__main__":
    main()
