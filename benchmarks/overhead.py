"""Our training loop against a bare PyTorch loop that does the same work: time and memory.

    python benchmarks/overhead.py [--depth 20] [--images 4096] [--repeats 5] [--threads 2]

Both train the same net on the same uint8 images with the same crop and flip, optimiser and schedule, one epoch a turn,
turn and turn about, so that a noisy machine is noisy for both. Memory is the growth of the peak resident size over an
epoch of each, in a process of its own.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from longtail.augment import CropFlip
from longtail.backbones import ResNetCIFAR
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.labels import Labels
from longtail.net import Net
from longtail.protocol import cifar_modern
from longtail.recipes import erm
from longtail.run import Engine, run_stage
from longtail.schedule import Cosine


def data(n: int) -> Examples:
    """Images of noise with long-tailed labels."""
    g = torch.Generator().manual_seed(0)
    y = torch.multinomial(100 ** -torch.linspace(0, 1, 10), n, replacement=True, generator=g)
    images = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=g)
    return Examples(images, Labels.of(y, None, 10))


def bare(net: Net, examples: Examples) -> float:
    """An epoch of a plain loop; seconds."""
    net = copy.deepcopy(net).to(memory_format=torch.channels_last).train()
    x, y = examples.x, examples.labels.y
    assert isinstance(x, torch.Tensor)
    augment, schedule = CropFlip(pad=4, flip=True), Cosine()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    g = torch.Generator().manual_seed(0)
    began = time.perf_counter()
    starts = range(0, len(x), 128)
    order = torch.randperm(len(x), generator=g)
    for k, start in enumerate(starts):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * schedule(k / len(starts))
        index = order[start : start + 128]
        loss = F.cross_entropy(net(augment(x[index], g)), y[index])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    return time.perf_counter() - began


def ours(net: Net, examples: Examples) -> float:
    """The same epoch through ``run_stage``; seconds."""
    stage = erm(cifar_modern(1)).stages[0]
    began = time.perf_counter()
    run_stage(net, stage, examples, key="overhead", engine=Engine(device="cpu"))
    return time.perf_counter() - began


LOOPS = {"bare": bare, "ours": ours}


def peak(which: str, depth: int, images: int, threads: int, out: Any) -> None:
    """Growth of the peak resident size over an epoch, MiB."""
    torch.set_num_threads(threads)
    net, examples = Net(ResNetCIFAR(depth), Linear(64, 10)), data(images)
    Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the peak that importing left
    before = resident("VmRSS")
    LOOPS[which](net, examples)
    out.put(resident("VmHWM") - before)


def resident(what: str) -> float:
    """A line of /proc/self/status, MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(what))) / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    net, examples = Net(ResNetCIFAR(args.depth), Linear(64, 10)), data(args.images)
    bare(net, examples.take(torch.arange(min(512, args.images))))
    times: dict[str, list[float]] = {name: [] for name in LOOPS}
    for k in range(args.repeats):
        for name in list(LOOPS)[:: 1 if k % 2 else -1]:
            times[name].append(LOOPS[name](net, examples))
    print(f"ResNet-{args.depth}, {args.images} images, {args.threads} threads, torch {torch.__version__}")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}, n={len(seconds)}"
        print(f"{name}: median {median:.2f} s an epoch ({spread}), {args.images / median:.0f} images/s")
    pairs = sorted(o / b for o, b in zip(times["ours"], times["bare"]))
    print(f"ours / bare: median of the paired ratios {statistics.median(pairs):.3f}", end=" ")
    print(f"({pairs[0]:.3f} to {pairs[-1]:.3f})")
    context = multiprocessing.get_context("spawn")
    for name in LOOPS:
        queue = context.Queue()
        args_of = (name, args.depth, args.images, args.threads, queue)
        process = context.Process(target=peak, args=args_of)
        process.start()
        print(f"{name}: peak memory grows by {queue.get():.0f} MiB")
        process.join()


if __name__ == "__main__":
    main()
