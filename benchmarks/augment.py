"""Batch-wise augmentation against a per-image Pillow pipeline, and its share of a training epoch.

    python benchmarks/augment.py           # writes benchmarks/results/
    python benchmarks/augment.py --quick   # a smoke run, printed only

Both pipelines pad by 4, crop, flip and normalise images of 32 x 32; Pillow's goes image by image, as ``torchvision``
datasets do (``ImageOps.expand``, ``crop``, ``ImageOps.mirror``, then numpy to a normalised float tensor). The share is
of an epoch of ResNet-32 at batch 128 on the device given.
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
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from longtail.augment import AutoAugment, Compose, CropFlip, Cutout, RandAugment, SimCLRView
from longtail.backbones import ResNetCIFAR

MEAN, STD = torch.tensor([125.3, 123.0, 113.9]), torch.tensor([63.0, 62.1, 66.7])
HERE = Path(__file__).parent


def timed(run: Callable[[], object], repeats: int, device: torch.device) -> float:
    """Median seconds of a call, after one to warm up."""
    times = []
    for k in range(repeats + 1):
        began = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if k:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def by_pillow(images: list[Image.Image]) -> Tensor:
    """Crop, flip and normalise, one image after another."""
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


def main() -> None:
    """Run the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    device, repeats = torch.device(args.device), 2 if args.quick else 20
    draw = torch.Generator(device=device).manual_seed(0)
    batch = torch.randint(256, (512, 3, 32, 32), dtype=torch.uint8, device=device, generator=draw)
    pictures = [Image.fromarray(x.permute(1, 2, 0).cpu().numpy()) for x in batch]
    mean, scale = MEAN.to(device)[:, None, None], 1 / STD.to(device)[:, None, None]
    crop = CropFlip()

    def ours() -> Tensor:
        return crop(batch, draw).float().sub_(mean).mul_(scale)

    slow, fast = timed(lambda: by_pillow(pictures), repeats, device), timed(ours, repeats, device)
    lines = [
        f"# Augmentation, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads, "
        f"device {device}; Python {platform.python_version()}, torch {torch.__version__}. Median of {repeats}. Made by "
        "`python benchmarks/augment.py`.",
        "",
        "| `[512, 3, 32, 32]` | ms a batch |",
        "|---|---|",
        f"| crop, flip, normalise, image by image (Pillow) | {1e3 * slow:.2f} |",
        f"| crop, flip, normalise, the batch at once | {1e3 * fast:.2f} ({slow / fast:.1f} times faster) |",
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
        lines.append(f"| {name}, uint8 to uint8 | {1e3 * spent:.2f} |")
    net = ResNetCIFAR(depth=32).to(device).train()
    small = batch[:128]

    def step() -> None:
        net(small).square().mean().backward()

    whole = timed(step, min(repeats, 5), device)
    data = batch.repeat(20, 1, 1, 1)
    index = torch.randint(len(data), (128,), device=device)
    outside = timed(lambda: crop(data[index], draw), repeats, device)
    lines += [
        "",
        f"A step of ResNet-32 at batch 128 takes {1e3 * whole:.1f} ms forward and backward; taking the batch out of "
        f"memory, cropping and flipping it {1e3 * outside:.2f} ms: {100 * outside / (outside + whole):.2f} % of it.",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    if not args.quick:
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / f"augment-{datetime.now(UTC):%Y-%m-%d}-{device.type}.md").write_text(text)


if __name__ == "__main__":
    main()
