"""How long an epoch of indices takes, from ten thousand labels to a hundred million.

    python benchmarks/samplers.py                  # all, about five minutes; prints the table of benchmarks/results/
    python benchmarks/samplers.py --sizes 100000   # a smoke run

Each row is a process of its own, so that its peak memory is its own (it holds the making of the labels too, and what
importing torch takes). *construction* holds everything before the first epoch (sorting the labels by class); *first
index* is from ``iter()`` to the first index of another epoch; *whole epoch* is all its indices as tensors, in chunks
where the sampler has them. *CPU s* is the processor time of that, which other work on the machine hardly changes (run
with ``OMP_NUM_THREADS=1`` it is what the epoch takes on an idle machine). ``WeightedRandomSampler`` stands for what
PyTorch offers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime

CLASSES = 1000
REFERENCE_LIMIT = 2**24


def measure(name: str, n: int, repeats: int) -> dict[str, object]:
    """One sampler at one size."""
    import torch

    from longtail import samplers
    from longtail.labels import Labels

    share = 0.01 ** (torch.arange(CLASSES) / (CLASSES - 1))
    counts = (share / share.sum() * n).long().clamp(min=1)
    counts[0] += n - counts.sum()
    y = torch.repeat_interleave(torch.arange(CLASSES), counts)
    y = y[torch.randperm(n, generator=torch.Generator().manual_seed(0))]
    labels = Labels.of(y, num_classes=CLASSES)
    del y
    if name == "WeightedRandomSampler":
        began = time.perf_counter()
        weight = (1.0 / labels.counts.double())[labels.y]
        theirs = torch.utils.data.WeightedRandomSampler(weight, n)
        construction = time.perf_counter() - began
        began, cpu = time.perf_counter(), time.process_time()
        next(iter(theirs))
        first = whole = time.perf_counter() - began  # it draws the epoch before it gives the first
        cpu = time.process_time() - cpu
        return {"construction": construction, "first": first, "whole": whole, "cpu": cpu, "peak": peak()}
    sampler = {
        "Shuffled": samplers.Shuffled(),
        "ClassBalanced": samplers.ClassBalanced(),
        "Progressive": samplers.Progressive(),
        "ClassAware": samplers.ClassAware(k=4),
        "OverSample": samplers.OverSample(),
        "RepeatFactor": samplers.RepeatFactor(threshold=0.001),
    }[name]
    began = time.perf_counter()
    epochs = samplers.EpochSampler(labels, sampler, epochs=10)
    construction = time.perf_counter() - began
    firsts, wholes, cpus, indices = [], [], [], 0
    for k in range(repeats):
        epochs.set_epoch(k + 1)
        began = time.perf_counter()
        next(iter(epochs))
        firsts.append(time.perf_counter() - began)
        began, cpu = time.perf_counter(), time.process_time()
        draw = torch.Generator().manual_seed(k)
        chunks = sampler.chunks(labels, draw) if hasattr(sampler, "chunks") else [sampler(labels, draw)]
        indices = sum(len(chunk) for chunk in chunks)
        wholes.append(time.perf_counter() - began)
        cpus.append(time.process_time() - cpu)
    first, whole = statistics.median(firsts), statistics.median(wholes)
    return {
        "construction": construction,
        "first": first,
        "whole": whole,
        "cpu": statistics.median(cpus),
        "indices": indices,
        "peak": peak(),
    }


def peak() -> float:
    """Peak memory of the process in 10**9 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    """Run the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(args.one[0], int(args.one[1]), args.repeats)))
        return
    import torch

    lines = [
        "| sampler | labels | construction s | first index s | whole epoch s | CPU s | million / CPU s | peak GB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    names = [
        "WeightedRandomSampler",
        "Shuffled",
        "ClassBalanced",
        "Progressive",
        "ClassAware",
        "OverSample",
        "RepeatFactor",
    ]
    for n in args.sizes:
        for name in names:
            if n > REFERENCE_LIMIT and name == "WeightedRandomSampler":
                lines.append(f"| {name} | {n:,} | raises above 2**24 | | | | | |")
                continue
            command = [sys.executable, __file__, "--one", name, str(n), "--repeats", str(args.repeats)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            r = json.loads(done.stdout.splitlines()[-1])
            rate = r.get("indices", n) / r["cpu"] / 1e6
            lines.append(
                f"| {name} | {n:,} | {r['construction']:.2f} | {r['first']:.4f} | {r['whole']:.3f} | {r['cpu']:.3f} | "
                f"{rate:.1f} | {r['peak']:.2f} |"
            )
            print(lines[-1], flush=True)
    head = [
        f"# Samplers, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} torch threads; "
        f"Python {platform.python_version()}, torch {torch.__version__}. {CLASSES} classes, imbalance 100. Median of "
        f"{args.repeats} epochs. A GB is 10**9 bytes. Made by `python benchmarks/samplers.py`.",
        "",
    ]
    print("\n".join([*head, *lines, ""]))


if __name__ == "__main__":
    main()
