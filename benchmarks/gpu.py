"""What a training step costs on a GPU, as written, recorded and compiled; and what runs side by side bring.

    python benchmarks/gpu.py [--depth 32] [--classes 100] [--images 10847] [--precision bf16] [--jobs 1,2,4,8]

Each line is ``run_stage`` itself on random images, cropped and flipped. ``ms a step`` is the median over the epochs
after the first; ``200 epochs`` is 200 times the median epoch. Side by side: the processes' images a second, added.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing as mp
import statistics
import time
from typing import Any

import torch

from longtail.backbones import ResNetCIFAR
from longtail.examples import Examples
from longtail.heads import Linear
from longtail.labels import Labels
from longtail.net import Net
from longtail.protocol import cifar_ldam
from longtail.recipes import erm
from longtail.run import Engine, run_stage

MODES: dict[str, dict[str, Any]] = {
    "as written": {"graphs": False},
    "recorded": {},
    "compiled": {"graphs": False, "compile": True},
    "compiled, recorded": {"compile": True},
}


class Enough(Exception):
    """The time is up."""


def train(args: argparse.Namespace, mode: str, seconds: float, benchmark: bool = False) -> list[float]:
    """Seconds of each epoch but the first, for about ``seconds`` from the first epoch's end."""
    torch.backends.cudnn.benchmark = benchmark
    torch.manual_seed(0)
    net = Net(ResNetCIFAR(args.depth), Linear(64, args.classes))
    images = torch.randint(256, (args.images, 3, 32, 32), dtype=torch.uint8)
    examples = Examples(images, Labels.of(torch.arange(args.images) % args.classes, None, args.classes))
    engine = Engine(device=args.device, precision=args.precision, **MODES[mode])
    times: list[float] = []
    first = 0.0

    def listen(event: dict[str, Any]) -> None:
        nonlocal first
        if event["epoch"] == 0:
            first = time.monotonic()
            return
        times.append(event["seconds"])
        if time.monotonic() - first > seconds:
            raise Enough

    with contextlib.suppress(Enough):
        run_stage(net, erm(cifar_ldam(400)).stages[0], examples, key="gpu", engine=engine, on=listen)
    return times


def worker(rank: int, args: argparse.Namespace, barrier: Any, results: Any) -> None:
    torch.set_num_threads(1)
    train(args, args.mode, 0.0)
    for jobs in args.jobs:
        barrier.wait()
        if rank < jobs:
            times = train(args, args.mode, args.seconds)
            results.put((jobs, args.images / statistics.median(times)))
        barrier.wait()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, default=32)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--images", type=int, default=10847)
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--modes", default=",".join(MODES).replace("compiled, recorded", "compiled+recorded"))
    parser.add_argument("--jobs", default="1,2,4,8", help="processes side by side")
    parser.add_argument("--mode", default="recorded", choices=list(MODES), help="of the runs side by side")
    args = parser.parse_args()
    args.jobs = [int(k) for k in args.jobs.split(",") if k]
    on = Engine(device=args.device).on
    where = torch.cuda.get_device_name() if on.type == "cuda" else "CPU"
    print(f"ResNet-{args.depth}, {args.images} images, {args.precision}, {where}, torch {torch.__version__}")
    steps = -(-args.images // 128)
    for name in args.modes.split(","):
        mode = name.replace("+", ", ")
        for benchmark in (False, True)[: 1 if "compiled" in mode else 2]:
            began = time.perf_counter()
            times = train(args, mode, args.seconds, benchmark)
            made, epoch = time.perf_counter() - began - sum(times), statistics.median(times)
            ms = [1000 * s / steps for s in (epoch, min(times), max(times))]
            print(f"{mode:20} cudnn.benchmark={benchmark!s:5} {ms[0]:6.2f} ms a step ", end="")
            print(
                f"({ms[1]:.2f} to {ms[2]:.2f}, n={len(times)}); {args.images / epoch:7.0f} images/s; ", end=""
            )
            print(f"200 epochs: {200 * epoch:4.0f} s; first epoch {made:.1f} s", flush=True)
    if not args.jobs:
        return
    context = mp.get_context("spawn")
    barrier, results = context.Barrier(max(args.jobs)), context.Queue()
    processes = [
        context.Process(target=worker, args=(k, args, barrier, results)) for k in range(max(args.jobs))
    ]
    for p in processes:
        p.start()
    found: dict[int, list[float]] = {}
    for _ in range(sum(args.jobs)):
        jobs, rate = results.get()
        found.setdefault(jobs, []).append(rate)
    for p in processes:
        p.join()
    for jobs, rates in found.items():
        print(f"{jobs:2} side by side, {args.mode}: {sum(rates):7.0f} images/s", flush=True)


if __name__ == "__main__":
    main()
