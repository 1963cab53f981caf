"""Run a function on several gloo ranks: for laws and tests of what must be the same on two processes as on one."""

from __future__ import annotations

import multiprocessing as mp
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist


def on_ranks(
    run: Callable[..., Any], ranks: int, *args: Any, join: bool = True, timeout: float = 300
) -> None:
    """Call ``run(rank, *args)`` in ``ranks`` processes of one thread each, and wait for all.

    A process ends without tearing its process group down: gloo may wait for ever on a peer that is gone.

    Args:
        run: at the top level of a module, so that it can be pickled.
        ranks: number of processes.
        args: picklable.
        join: make the process group; False where a framework makes it.
        timeout: seconds.

    Raises:
        RuntimeError: a rank failed (its traceback is in the message), or they took longer than ``timeout``.
    """
    spawn = mp.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        started = [
            spawn.Process(target=_one, args=(run, rank, ranks, folder, join, args)) for rank in range(ranks)
        ]
        for process in started:
            process.start()
        end = time.monotonic() + timeout
        while any(p.exitcode is None for p in started) and not any(p.exitcode for p in started):
            if time.monotonic() > end:
                break
            time.sleep(0.02)
        failed = [(rank, p.exitcode) for rank, p in enumerate(started) if p.exitcode != 0]
        for process in started:
            process.kill()
            process.join()
        if failed:
            said = [f.read_text(encoding="utf-8") for f in sorted(Path(folder).glob("*.failed"))]
            raise RuntimeError("\n".join(said) or f"ranks ended with {failed}, or took over {timeout:g} s")


def _one(
    run: Callable[..., Any], rank: int, ranks: int, folder: str, join: bool, args: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    code = 0
    try:
        if join:
            dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=ranks)
        run(rank, *args)
        if dist.is_initialized():
            dist.barrier()
    except BaseException:
        (Path(folder) / f"{rank}.failed").write_text(
            f"rank {rank}: {traceback.format_exc()}", encoding="utf-8"
        )
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
