"""``benchmarks/on_gpu.sh``: one table after another, each call for some minutes, until all are done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "on_gpu.sh"
FAKE = """#!/bin/sh
# Stands in for longtail: notes how it was called, and writes the status that the next line of a file says.
echo "$*" >> calls
while [ $# -gt 0 ]; do
    [ "$1" = --out ] && out=$2
    shift
done
mkdir -p "$out"
echo "{\\"runs\\": [{\\"status\\": \\"$(head -n 1 said)\\"}]}" > "$out/results.json"
sed -i 1d said
"""


@pytest.fixture
def on_gpu(tmp_path):
    (tmp_path / "fake").write_text(FAKE)
    (tmp_path / "fake").chmod(0o755)

    def run(*words: str, said: tuple[str, ...] = (), **settings: str) -> tuple[int, str, list[str]]:
        (tmp_path / "said").write_text("".join(f"{word}\n" for word in said))
        (tmp_path / "calls").write_text("")
        env = {"PATH": os.environ["PATH"], "LONGTAIL": "./fake", "LONGTAIL_DATA": "data", **settings}
        done = subprocess.run(["sh", SCRIPT, *words], cwd=tmp_path, env=env, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr, (tmp_path / "calls").read_text().splitlines()

    return run


def test_a_call_goes_on_where_the_last_one_stopped(on_gpu):
    status, said, calls = on_gpu(said=("done", "skipped"))
    assert status == 3
    assert [c.split()[1:3] for c in calls] == [["cifar100-lt", "--data"], ["cifar10-lt", "--data"]]
    assert all("--recipes combined:rho=0.05 --seeds 3" in c and "--protocol modern" in c for c in calls)
    assert "next: longtail-gpu/own-cifar10-lt-100; the same command goes on" in said
    status, said, calls = on_gpu(said=("done",) * 20)
    assert status == 0
    assert "all tables are done" in said
    tables = [(c.split()[c.split().index("--imbalance") + 1], c.split()[-1]) for c in calls]
    assert [imbalance for imbalance, _ in tables] == ["100"] * 3 + ["50"] * 4 + ["10"] * 4
    assert tables[0][1].endswith("own-cifar10-lt-100")  # the one that was not finished, and none before it
    assert all("--protocol ldam --recipes all" in c for c in calls if "/all-" in c)
    assert on_gpu()[2] == []  # nothing is left


def test_the_plan_trains_nothing(on_gpu):
    on_gpu(said=("done", "skipped"))
    status, said, calls = on_gpu("--plan")
    assert (status, calls) == (0, [])
    assert said.count("done: ") == 1
    assert said.count("left: ") == 11


def test_a_run_that_failed_is_said_and_not_taken_for_done(on_gpu):
    status, said, _ = on_gpu(said=("failed",))
    assert status == 1
    assert "a run failed" in said
    assert on_gpu("--plan")[1].count("done: ") == 0


def test_no_time_begins_nothing(on_gpu):
    status, said, calls = on_gpu(BUDGET="5")
    assert (status, calls) == (3, [])
    assert "next: longtail-gpu/own-cifar100-lt-100" in said


@pytest.mark.parametrize(
    ("words", "settings", "match"),
    [(("--help",), {}, "--plan or nothing"), ((), {"LONGTAIL_DATA": ""}, "name the folder")],
)
def test_what_is_wrong_is_said(on_gpu, words, settings, match):
    status, said, calls = on_gpu(*words, **settings)
    assert status != 0
    assert match in said
    assert calls == []


@pytest.mark.slow
def test_it_makes_real_tables_call_after_call(whole, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "cifar10-lt").symlink_to(whole)
    env = {
        **os.environ, "LONGTAIL": f"{sys.executable} -m longtail", "LONGTAIL_DATA": str(data),
        "OUT": str(tmp_path / "out"),
        "SEEDS": "1", "JOBS": "1", "RECIPES": "erm", "OWN": "combined:rho=0.05", "MORE": "--preset quick --epochs 2",
        "IMBALANCES": "10", "BENCHMARKS": "cifar10-lt",
    }  # fmt: skip
    done = subprocess.run(["sh", SCRIPT], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for table, recipe in (("own", "combined:rho=0.05"), ("all", "erm")):
        folder = tmp_path / "out" / f"{table}-cifar10-lt-10"
        assert (folder / "done").exists()
        assert recipe in (folder / "table.md").read_text(encoding="utf-8")
