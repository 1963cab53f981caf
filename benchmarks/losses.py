"""What each loss costs: forward + backward time and peak memory over ``torch.nn.functional.cross_entropy``,
in the same run.

    python benchmarks/losses.py                       # all losses, the four shapes, eager and compiled
    python benchmarks/losses.py --only Focal Seesaw --shapes 4096x1000 --modes eager --repeats 9
    python benchmarks/losses.py --keep costs.jsonl    # what the file has is not measured again: run it in pieces
    python benchmarks/losses.py --keep costs.jsonl --table    # the file as Markdown, nothing measured

Each loss is timed in turn with cross-entropy, call by call, and the ratio is that of the medians. On one CPU thread
the time is the processor time of the process, so that a busy machine disturbs it little; on an accelerator it is the
wall clock's. Peak memory is what the allocator held at most during forward and backward, inputs not counted. LDAM is
fed cosines, as it asks; every other loss standard normal logits. A loss that reads something other than logits and
labels is left out.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import pkgutil
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler announces itself otherwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import longtail.losses
from longtail.part import part

SHAPES = {
    "4096x1000": (4096, 1000),
    "1024x8142": (1024, 8142),
    "65536x10": (65536, 10),
    "8x19x256x256": (8, 19, 256, 256),
}
Step = Callable[[], None]


def losses() -> dict[str, type[nn.Module]]:
    """The public Module classes of the room, file by file."""
    found = {}
    for info in pkgutil.iter_modules(longtail.losses.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"longtail.losses.{info.name}")
            for name, kind in inspect.getmembers(module, inspect.isclass):
                if issubclass(kind, nn.Module) and kind.__module__ == module.__name__:
                    found[name] = kind
    return found


def inputs(shape: tuple[int, ...], device: str, cosine: bool) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(shape, generator=g)
    logits = (logits / 3).clamp(-1, 1) if cosine else logits
    target = torch.randint(shape[1], shape[:1] + shape[2:], generator=g)
    features = torch.rand((shape[0], 64, *shape[2:]), generator=g)
    return logits.to(device).requires_grad_(), target.to(device), features.to(device)


def seconds(step: Step, device: str) -> float:
    clock = time.perf_counter if device == "cuda" or torch.get_num_threads() > 1 else time.process_time
    if device == "cuda":
        torch.cuda.synchronize()
    start = clock()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def peak_bytes(step: Step, device: str) -> float:
    """The most the allocator held beyond what it held before, forward and backward."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as record:
        step()
    events = record.profiler.kineto_results.events()  # type: ignore[union-attr]
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    held = most = 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most


def step_of(loss: Callable[..., Tensor], logits: Tensor, *rest: Tensor) -> Step:
    def step() -> None:
        logits.grad = None
        loss(logits, *rest).backward()

    return step


def ratios(ours: Step, theirs: Step, logits: Tensor, device: str, repeats: int) -> tuple[float, float]:
    for step in (ours, theirs):  # warm-up, and compilation
        step()
        step()
    mine, base = [], []
    for _ in range(repeats):
        base.append(seconds(theirs, device))
        mine.append(seconds(ours, device))
    peaks = []
    for step in (ours, theirs):
        logits.grad = None  # else its release during the step would hide what the step allocates
        peaks.append(peak_bytes(step, device))
    memory = peaks[0] / max(peaks[1], 1)
    return statistics.median(mine) / statistics.median(base), memory


def measured(
    kind: type[nn.Module], shape: tuple[int, ...], mode: str, device: str, repeats: int
) -> tuple[float, float] | str:
    """The ratios of time and memory, or why there are none."""
    c = shape[1]
    counts = torch.tensor([max(1, int(1280 * 0.01 ** (k / (c - 1)))) for k in range(c)])
    facts = {"counts": counts, "prior": counts / counts.sum(), "num_classes": c}
    logits, target, features = inputs(shape, device, cosine=kind.__name__ == "LDAM")
    rest = (target, features) if getattr(kind, "reads_features", False) else (target,)
    try:
        step_of(part(kind).build(**facts).to(device), logits, *rest)()
        loss: Callable[..., Tensor] = part(kind).build(**facts).to(device)
        base: Callable[..., Tensor] = F.cross_entropy
        if mode == "compiled":
            torch._dynamo.reset()
            loss, base = torch.compile(loss, fullgraph=True), torch.compile(base, fullgraph=True)
        return ratios(step_of(loss, logits, *rest), step_of(base, logits, target), logits, device, repeats)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"


def table(rows: dict[tuple[str, str, str], tuple[float, float]]) -> str:
    """Markdown: a line a loss, a column a mode and shape, ``time / memory``."""
    columns = [(mode, shape) for mode in ("eager", "compiled") for shape in SHAPES]
    columns = [c for c in columns if any((name, c[1], c[0]) in rows for name, _, _ in rows)]
    lines = [
        "| loss | " + " | ".join(f"{mode} {shape}" for mode, shape in columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name in sorted({name for name, _, _ in rows}, key=str.lower):
        cells = (rows.get((name, shape, mode)) for mode, shape in columns)
        shown = ("-" if cell is None else f"{cell[0]:.2f} / {cell[1]:.2f}" for cell in cells)
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--only", nargs="*", help="class names")
    cli.add_argument("--shapes", nargs="*", default=list(SHAPES), help="BxC or BxCxHxW")
    cli.add_argument("--modes", nargs="*", default=["eager", "compiled"], choices=["eager", "compiled"])
    cli.add_argument("--repeats", type=int, default=15)
    cli.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    cli.add_argument("--threads", type=int, default=1)
    cli.add_argument("--keep", type=Path, help="a file of JSON lines to add to, and not to measure again")
    cli.add_argument("--table", action="store_true", help="print what --keep holds as Markdown, and stop")
    a = cli.parse_args()
    torch.set_num_threads(a.threads)
    rows = {}
    if a.keep is not None and a.keep.exists():
        for line in a.keep.read_text().splitlines():
            r = json.loads(line)
            rows[r["loss"], r["shape"], r["mode"]] = (r["time"], r["memory"])
    if a.table:
        print(table(rows))
        return
    machine = (
        torch.cuda.get_device_name()
        if a.device == "cuda"
        else f"{platform.machine()} CPU, {a.threads} thread(s)"
    )
    print(
        f"torch {torch.__version__}, {machine}, float32, {a.repeats} repeats: time / peak memory over cross-entropy"
    )
    for text in a.shapes:
        for mode in a.modes:
            for name, kind in losses().items():
                if (a.only and name not in a.only) or (name, text, mode) in rows:
                    continue
                shape = tuple(int(n) for n in text.split("x"))
                got = measured(kind, shape, mode, a.device, a.repeats)
                if isinstance(got, str):
                    print(f"{text:15s}{mode:10s}{name:25s}left out: {got}", flush=True)
                    continue
                print(f"{text:15s}{mode:10s}{name:25s}{got[0]:6.2f} / {got[1]:4.2f}", flush=True)
                if a.keep is not None:
                    line = {"loss": name, "shape": text, "mode": mode, "time": got[0], "memory": got[1]}
                    with a.keep.open("a") as file:
                        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
