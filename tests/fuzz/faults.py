"""Faults: processes killed at random moments, full disks, files without permission. The same command again must give what
an undisturbed run gives, and nothing may be cut, lost or said badly on the way.

    python tests/fuzz/faults.py --kills 100 --disk 40 --permission 40 --out /tmp/faults

A number is a try: it seeds everything. Tries are kept in OUT/tries.jsonl; the same command goes on from there. What is
counted:

lost        finished work was done again, or a result that was there before is gone
differing   the same command again gives other results
silent      a file is neither the old one nor the new one, whole
said badly  a traceback, a "fault of longtail's", an exit code that is not documented, an error without a word
left        workers that outlive their parent, or half-written files after the command has run again
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from afflicted import Ended, Fault, run

KINDS = ("lost", "differing", "silent", "said badly", "left")
Results = dict[str, str]


@dataclass(frozen=True)
class Command:
    """A command, what earlier results it may find, and what it gives.

    Attributes:
        argv: with ``{data}`` for the folder of inputs.
        before: commands that make the earlier results.
        read: the results in a folder, each as a text that is equal where they are; a broken one begins with "broken".
        inputs: files that it reads, in ``{data}`` or in its folder.
    """

    argv: str
    before: tuple[str, ...]
    read: Callable[[Path], Results]
    inputs: tuple[str, ...]


def make_inputs(folder: Path) -> None:
    """A small table, rows to predict, a model and predictions."""
    rng = random.Random(0)
    lines = ["size,weight,colour,label"]
    for k, n in enumerate((48, 24, 12)):
        for _ in range(n):
            lines.append(f"{rng.gauss(k, 1):.3f},{rng.gauss(-k, 1):.3f},{rng.choice('rgb'[k:] + 'rgb')},c{k}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    (folder / "counts.json").write_text('{"c0": 48, "c1": 24, "c2": 12}')


def warm(folder: Path, compare: bool) -> None:
    """Each command once in this process: everything is imported before it is forked. Makes a model and predictions."""
    from typer.testing import CliRunner

    from longtail import cli

    with contextlib.chdir(folder):
        commands = [
            "train table.csv --recipe erm --epochs 2 --out model",
            "predict model table.csv --out p.csv --keep all",
            "adjust p.csv --counts counts.json --out warm",
            *([COMPARE.format(data=".") + "-warm --jobs 1"] if compare else []),
        ]
        for argv in commands:
            done = CliRunner().invoke(cli.app, argv.split())
            if done.exit_code:
                raise RuntimeError(f"{argv}: {done.output}")


def whole(file: Path, end: bytes = b"\n") -> str:
    data = file.read_bytes()
    return hashlib.sha256(data).hexdigest() if data.endswith(end) else f"broken: {len(data)} bytes"


def table_of_results(file: Path) -> str:
    """results.csv without seconds."""
    if not file.read_bytes().endswith(b"\n"):
        return "broken: cut"
    rows = [r for r in csv.reader(file.open(encoding="utf-8")) if not any("seconds" in c for c in r)]
    return json.dumps(sorted(rows)) if len({len(r) for r in rows}) == 1 else "broken: rows of several lengths"


def json_of_results(file: Path) -> str:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["runs"]
    except ValueError as why:
        return f"broken: {why}"
    return json.dumps(
        sorted([r["recipe"], r["fold"], r["status"], json.dumps(r.get("scores"))] for r in found),
        sort_keys=True,
    )


def answers_of(folder: Path) -> str:
    """What the model in a folder says of the table, bit for bit."""
    from longtail.model import Model

    rows = [line.split(",") for line in (INPUTS / "table.csv").read_text().splitlines()]
    import pandas as pd

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = Model.load(folder).predict_proba(pd.DataFrame(rows[1:], columns=rows[0]))
    except Exception as why:
        return f"broken: {type(why).__name__}: {why}"
    return hashlib.sha256(found.numpy().tobytes()).hexdigest()


def reading(**files: Callable[[Path], str]) -> Callable[[Path], Results]:
    """Reads those that are there; ``_`` in a name stands for a dot, and ``__`` for a slash."""
    named = {name.replace("__", "/").replace("_", "."): read for name, read in files.items()}

    def read(folder: Path) -> Results:
        found = {}
        for name, one in named.items():
            there = folder / name / "model.json" if one is answers_of else folder / name
            if there.exists():
                found[name] = one(folder / name)
        return found

    return read


COMPARE = "compare {data}/table.csv --recipes erm,tau-norm,logistic --folds 2 --epochs 2 --out out"
LESS = (
    "compare {data}/table.csv --recipes logistic --baseline logistic --folds 2 --epochs 2 --jobs 1 --out out"
)
compared = reading(
    out__results_csv=table_of_results, out__results_json=json_of_results, out__model=answers_of,
    out__report_html=lambda f: "whole" if f.read_text().rstrip().endswith("</html>") else "broken: cut",
)  # fmt: skip
COMMANDS = {
    "compare, 1 job": Command(
        COMPARE + " --jobs 1", (LESS,), compared, ("{data}/table.csv", "out/results.json", "out/runs/*.json")
    ),
    "compare, 2 jobs": Command(
        COMPARE + " --jobs 2", (LESS,), compared, ("{data}/table.csv", "out/model/model.json")
    ),
    "train": Command(
        "train {data}/table.csv --recipe focal --epochs 2 --out m",
        ("train {data}/table.csv --recipe logistic --out m",),
        reading(m=answers_of),
        ("{data}/table.csv", "m/model.json"),
    ),
    "predict": Command(
        "predict {data}/model {data}/table.csv --prior balanced --keep all --out p.csv",
        ("predict {data}/model {data}/table.csv --out p.csv",),
        reading(p_csv=whole),
        ("{data}/table.csv", "{data}/model/model.json", "{data}/model/*.safetensors"),
    ),
    "adjust": Command(
        "adjust {data}/p.csv --counts {data}/counts.json --prior balanced --out a",
        ("adjust {data}/p.csv --counts {data}/counts.json --prior 0.2,0.2,0.6 --out a",),
        reading(
            a__predictions_csv=whole, a__adjuster_json=lambda f: whole(f, b"}\n"),
            a__scores_json=lambda f: whole(f, b"}\n"),
        ),
        ("{data}/p.csv", "{data}/counts.json"),
    ),
}  # fmt: skip
SHARES = {"compare, 1 job": 4, "compare, 2 jobs": 1, "train": 3, "predict": 2, "adjust": 2}
INPUTS = Path()


@dataclass
class Reference:
    """An undisturbed run: what was there before, its results, and how much it does."""

    old: Path
    before: Results
    results: Results
    ended: Ended


class Campaign:
    """All tries of one folder."""

    def __init__(self, out: Path, seed: int = 0, commands: Sequence[str] = tuple(SHARES)) -> None:
        global INPUTS
        self.out, self.seed, self.commands = out.resolve(), seed, list(commands)
        self.out.mkdir(parents=True, exist_ok=True)
        INPUTS = self.inputs = self.out / "inputs"
        make_inputs(self.inputs)
        warm(self.inputs, any("compare" in name for name in commands))
        self.references: dict[tuple[str, bool], Reference] = {}
        self.file = self.out / "tries.jsonl"
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.done = {(r["sort"], r["number"]): r for r in map(json.loads, lines)}

    def argv(self, text: str) -> list[str]:
        return text.replace("{data}", str(self.inputs)).split()

    def reference(self, name: str, anew: bool) -> Reference:
        """An undisturbed run of a command in an empty folder, or over earlier results."""
        if (name, anew) not in self.references:
            command = COMMANDS[name]
            old = self.out / f"old-{name.replace(', ', '-').replace(' ', '-')}-{anew}"
            shutil.rmtree(old, ignore_errors=True)
            old.mkdir()
            for text in () if anew else command.before:
                if (ended := run(self.argv(text), old)).code:
                    raise RuntimeError(f"{text}: {ended.said}")
            with self.place(old) as folder:
                ended = run(self.argv(command.argv), folder)
                results = command.read(folder)
            if ended.code or any(v.startswith("broken") for v in results.values()) or not results:
                raise RuntimeError(f"{command.argv}: {results} {ended.said}")
            self.references[name, anew] = Reference(old, command.read(old), results, ended)
        return self.references[name, anew]

    @contextlib.contextmanager
    def place(self, old: Path, room: int = 0) -> Iterator[Path]:
        """A folder for a try, with earlier results; ``room``: on a disk of so many bytes beyond them."""
        folder = self.out / "place"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            if room:
                size = 4096 * (2 + sum(f.stat().st_size // 4096 + 1 for f in old.rglob("*"))) + room
                subprocess.run(
                    ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True
                )
            shutil.copytree(old, folder, dirs_exist_ok=True)
            yield folder
        finally:
            if os.path.ismount(folder):
                subprocess.run(["umount", str(folder)], check=True)
            shutil.rmtree(folder)

    def one(self, sort: str, number: int) -> dict[str, Any]:
        """A try and what was found."""
        draw = random.Random(f"{self.seed} {sort} {number}")
        name = draw.choices(self.commands, [SHARES[c] for c in self.commands])[0]
        reference = self.reference(name, anew=draw.random() < 0.5)
        found = Found(name, COMMANDS[name], reference, self.argv(COMMANDS[name].argv))
        getattr(self, sort)(draw, found)
        return {"sort": sort, "number": number, "command": name, **found.told, "findings": found.findings}

    def kill(self, draw: random.Random, found: Found) -> None:
        """SIGKILL mostly, SIGTERM, or Ctrl-C; at a moment, or before a change to a file; now and then twice."""
        which = draw.choices((signal.SIGKILL, signal.SIGTERM, signal.SIGINT), (70, 15, 15))[0]
        group = which == signal.SIGINT or draw.random() < 0.5
        with self.place(found.reference.old) as folder:
            for _ in range(draw.choice((1, 1, 1, 2))):
                seconds = change = 0.0
                if draw.random() < 0.5:
                    seconds = draw.uniform(0.02, 1) * found.reference.ended.seconds
                else:
                    change = draw.randint(1, found.reference.ended.changes)
                ended = run(found.argv, folder, Fault(which, seconds, int(change), group))
                codes = {signal.SIGKILL: {-9}, signal.SIGTERM: {143}, signal.SIGINT: {130}}[which]
                found.after(ended, folder, {0} | codes)
                found.told |= {"signal": which.name, "struck": ended.struck, "code": ended.code}
            found.again(folder)

    def disk(self, draw: random.Random, found: Found) -> None:
        """A disk that is full, or files that may not grow, then room again."""
        room = int(draw.uniform(1, 60)) * 4096
        small = CAN_MOUNT and draw.random() < 0.7
        with self.place(found.reference.old, room if small else 0) as folder:
            most = 0 if small else int(10 ** draw.uniform(1, 5))
            ended = run(found.argv, folder, Fault(most=most))
            found.after(ended, folder, {0, 2})
            found.told |= {"room": room if small else most, "struck": ended.code != 0, "code": ended.code}
            if small:
                subprocess.run(["mount", "-o", "remount,size=256m", str(folder)], check=True)
            found.again(folder)

    def permission(self, draw: random.Random, found: Found) -> None:
        """A file that may not be read, or a folder that may not be written to; then they may."""
        with self.place(found.reference.old) as folder:
            places = [p.replace("{data}", str(self.inputs)) for p in found.command.inputs]
            files = [f for p in places if not Path(p).is_absolute() for f in folder.glob(p)]
            files += [f for p in places if Path(p).is_absolute() for f in Path("/").glob(p[1:])]
            folders = [folder, *(f for f in folder.rglob("*") if f.is_dir())]
            where, mode = (draw.choice(files), 0) if draw.random() < 0.5 else (draw.choice(folders), 0o555)
            was = where.stat().st_mode
            where.chmod(mode)
            try:
                ended = run(found.argv, folder, Fault(bound=True))
            finally:
                where.chmod(was)
            found.after(ended, folder, {0, 2})
            inside = re.search(
                r"Error: \S+: Permission denied", ended.said
            )  # what could not be made in a folder
            if ended.code == 2 and str(where.name) not in ended.said and not (where.is_dir() and inside):
                found.say("said badly", f"{where} is not named: {ended.said[-300:]}")
            about = where.relative_to(self.out)
            found.told |= {"where": str(about), "struck": ended.code != 0, "code": ended.code}
            found.again(folder)

    def go(self, sort: str, tries: int, say: Callable[[str], None] = print) -> None:
        """All tries of a sort that are not done yet; one that did not strike is drawn again."""
        number = 0
        while sum(r["struck"] for (s, _), r in self.done.items() if s == sort) < tries:
            if (sort, number) not in self.done:
                row = self.one(sort, number)
                self.done[sort, number] = row
                with self.file.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                for finding in row["findings"]:
                    say(f"{sort} {number}, {row['command']}: {finding[0]}: {finding[1]}")
            number += 1

    def table(self) -> str:
        """Counts by sort and command."""
        head = ["fault", "command", "tried", *KINDS]
        rows = []
        for sort in ("kill", "disk", "permission"):
            for name in self.commands:
                mine = [
                    r
                    for r in self.done.values()
                    if r["sort"] == sort and r["command"] == name and r["struck"]
                ]
                count = Counter(kind for r in mine for kind in {f[0] for f in r["findings"]})
                rows.append([sort, name, str(len(mine)), *(str(count[k]) for k in KINDS)])
        rows.append(["all", "", *(str(sum(int(r[k]) for r in rows)) for k in range(2, len(head)))])
        return "\n".join("| " + " | ".join(r) + " |" for r in [head, ["---"] * len(head), *rows])


BAD_WORDS = ("Traceback", "Exception ignored", "Exception in thread", "a fault of longtail's")
UNSENT = re.compile(
    r"Traceback(?:(?!Traceback).)*spawn\.py(?:(?!Traceback).)*EOFError: Ran out of input\n", re.S
)
"""What Python's own multiprocessing prints in a worker whose parent was killed (-9) while it started it."""


@dataclass
class Found:
    """What a try has shown so far."""

    name: str
    command: Command
    reference: Reference
    argv: list[str]
    findings: list[tuple[str, str]] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    finished: dict[Path, int] = field(default_factory=dict)

    def say(self, kind: str, what: str) -> None:
        self.findings.append((kind, what))

    def after(self, ended: Ended, folder: Path, codes: set[int]) -> None:
        """Look at what a disturbed run left."""
        self._look_at_words(ended, codes)
        if ended.left:
            self.say("left", f"{ended.left} workers")
        now, before, new = self.command.read(folder), self.reference.before, self.reference.results
        for name, value in now.items():
            if value not in (before.get(name), new.get(name)) and not value.startswith("whole"):
                self.say("silent", f"{name}: {value[:200]}")
        for name in before.keys() - now.keys():
            self.say("lost", f"{name} is gone")
        self._look_at_finished(folder)

    def again(self, folder: Path) -> None:
        """The same command without a fault."""
        ended = run(self.argv, folder)
        self._look_at_words(ended, {0})
        self._look_at_finished(folder)
        found = self.command.read(folder)
        for name in self.reference.results.keys() | found.keys():
            if found.get(name) != self.reference.results.get(name):
                self.say("differing", f"{name}: {found.get(name, 'nothing')[:200]}")
        litter = [f.name for f in folder.rglob("*") if f.name.endswith((".tmp", ".partial", ".work"))]
        tensors = Counter(f.parent for f in folder.rglob("model-*.safetensors"))
        if litter or any(n > 1 for n in tensors.values()):
            self.say("left", f"{litter or dict(tensors)}")

    def _look_at_words(self, ended: Ended, codes: set[int]) -> None:
        said = UNSENT.sub("", ended.said) if ended.code == -signal.SIGKILL else ended.said
        bad = [w for w in BAD_WORDS if w in said]
        if bad or ended.code not in codes:
            self.say("said badly", f"exit {ended.code}, {bad}: {ended.said[-1500:]}")
        if ended.code == 2 and "Error: " not in ended.said and "─ Error ─" not in ended.said:
            self.say("said badly", f"no reason: {ended.said[-300:]}")

    def _look_at_finished(self, folder: Path) -> None:
        """Stages and runs that were finished are not done again."""
        now = {}
        for part in ("cache", "runs"):
            for file in (folder / "out" / part).glob("*"):
                if file.name.startswith(".") or ".partial." in file.name:
                    continue
                if part == "runs" and not file.with_suffix(".json").exists():
                    continue  # outputs of a run that was stopped before it was written down
                now[file] = file.stat().st_mtime_ns
        if again := [f.name for f, moment in self.finished.items() if f in now and now[f] != moment]:
            self.say("lost", f"done again: {again}")
        self.finished = now


def can_mount(folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True).returncode:
            return False
        return subprocess.run(["umount", str(folder)], capture_output=True).returncode == 0
    except OSError:
        return False


CAN_MOUNT = False


def main() -> None:
    global CAN_MOUNT
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for sort, many in (("kills", 100), ("disk", 40), ("permission", 40)):
        parser.add_argument(f"--{sort}", type=int, default=many)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--commands", default=";".join(SHARES), help="separated by ;")
    parser.add_argument("--out", type=Path, default=Path("longtail-faults"))
    asked = parser.parse_args()
    import torch

    import longtail.api
    import longtail.cli
    import longtail.report.html
    import longtail.report.listings  # noqa: F401

    torch.set_num_threads(1)
    CAN_MOUNT = can_mount(asked.out / "mounted")
    campaign = Campaign(asked.out, asked.seed, asked.commands.split(";"))
    for sort, many in (("kill", asked.kills), ("disk", asked.disk), ("permission", asked.permission)):
        campaign.go(sort, many)
    print(campaign.table())
    findings = [r for r in campaign.done.values() if r["findings"]]
    print(f"{len(campaign.done)} tries, {len(findings)} with findings")
    sys.exit(bool(findings))


if __name__ == "__main__":
    main()
