"""Progress: the events of training and comparing as a live display, or as plain lines where no one watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from longtail.comparison.schedule import duration
from longtail.report.listings import show_dataset


@contextmanager
def progress() -> Iterator[Any]:
    """A live display of what is running, how far it is and how long it still takes; plain lines where no one watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _Lines()
        return
    wide = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = (
        TextColumn("{task.description}", table_column=wide), BarColumn(20 if console.width > 80 else 8),
        TextColumn("{task.fields[step]}"), TimeElapsedColumn(), TextColumn("{task.fields[left]}"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        yield _Bars(bar)


class _Bars:
    """Progress events to rich bars: one for the whole, one a worker."""

    def __init__(self, bar: Any) -> None:
        self.bar = bar
        self.whole: Any = None
        self.running: dict[int, str] = {}
        self.workers: dict[int, Any] = {}

    def __call__(self, event: dict[str, Any]) -> None:
        if "total" in event:
            if self.whole is None:
                self.whole = self.bar.add_task("all", total=event["total"], step="", left="")
            done, total = event["done"], event["total"]
            self.bar.update(
                self.whole, completed=done, total=total, step=f"{done}/{total}", left=_left(event)
            )
            run = event.get("run")
            if run is not None and run.status == "failed":
                self.bar.console.print(f"[red]{_escaped(event['task'])} failed:[/] {_escaped(run.error)}")
            return
        if "data" in event:
            show_dataset(event["data"], console=self.bar.console)
            return
        if "note" in event:
            self.bar.console.print(f"[dim]  {_escaped(event['note'])}[/]")
            return
        worker = event.get("worker", 0)
        if worker not in self.workers:
            self.workers[worker] = self.bar.add_task("", total=None, step="", left="")
        task = self.workers[worker]
        if event.get("running", self.running.get(worker)) != self.running.get(worker):
            self.running[worker] = event["running"]
            self.bar.reset(task, description=_escaped(event["running"]), total=1, step="", left="")
        running = self.running.get(worker, "")
        if "slow" in event:
            what = f"{running}: {event['slow']}" if running else event["slow"]
            self.bar.update(task, description=_escaped(what))
        if "epochs" in event:
            self.bar.update(
                task,
                description=_escaped(running),
                completed=event["epoch"] + 1,
                total=event["epochs"],
                step=f"epoch {event['epoch'] + 1}/{event['epochs']}",
            )


class _Lines:
    """Progress events to one line per finished run, and one a minute while none finishes."""

    quiet = 60.0

    def __init__(self) -> None:
        self.running: dict[int, str] = {}
        self.said = time.monotonic()

    def __call__(self, event: dict[str, Any]) -> None:
        from rich.console import Console

        worker = event.get("worker", 0)
        if "running" in event:
            self.running[worker] = event["running"]
        if "data" in event:
            show_dataset(event["data"], console=Console(stderr=True))
        if "note" in event:
            self.say(f"  {event['note']}")
        if "slow" in event:
            running = self.running.get(worker)
            self.say(f"  {running}: {event['slow']}" if running else f"  {event['slow']}")
        run = event.get("run")
        if run is not None:
            what = run.status if run.error is None else f"{run.status}: {run.error}"
            left = f" ({_left(event)})" if _left(event) else ""
            self.say(f"[{event['done']}/{event['total']}] {event['task']}: {what}{left}")
        elif "epochs" in event and time.monotonic() - self.said > self.quiet:
            self.say(f"  {self.running.get(worker, '')}: epoch {event['epoch'] + 1}/{event['epochs']}")

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self.said = time.monotonic()


class _Epochs:
    """Training events to at most ten lines a stage."""

    def __call__(self, event: dict[str, Any]) -> None:
        if "epochs" not in event:
            return
        done, epochs = event["epoch"] + 1, event["epochs"]
        if done == epochs or done % max(1, epochs // 10) == 0:
            loss = f", loss {event['loss']:.4g}" if "loss" in event else ""
            name = event.get("stage") or "training"
            print(f"{name}: epoch {done}/{epochs}{loss}", file=sys.stderr)


@contextmanager
def training_progress(wanted: bool) -> Iterator[Any]:
    """Progress of one training: the live display, lines where no one watches, or nothing."""
    from rich.console import Console

    console = Console(stderr=True)
    if not wanted:
        yield lambda event: None
    elif console.is_terminal or console.is_jupyter:
        with progress() as on:
            yield on
    else:
        yield _Epochs()


def _left(event: dict[str, Any]) -> str:
    """How long it still takes, in words; nothing where that is not known, or nothing is left."""
    expected = event.get("expected", 0.0)
    return f"about {duration(expected)} left" if expected > 0 and event["done"] < event["total"] else ""


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
