"""Every command and snippet of the README runs."""

import json
import random
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from typed import as_script, here, process

from longtail.comparison.plan import Plan

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.M | re.S)
SNIPPETS = [code for kind, code in BLOCKS if kind == "python"]
COMMANDS = [
    line.split("  #")[0].strip() for kind, code in BLOCKS if kind == "sh" for line in code.splitlines()
]
GOOD = ["tasty soup", "friendly staff", "fast delivery", "lovely noodles", "will come again", "great value"]
BAD = ["found a hair in the rice", "the meat was raw", "got food poisoning", "an insect in the salad"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A few reviews, rows to predict, and another model's predictions."""
    folder, draw = tmp_path_factory.mktemp("readme"), random.Random(0)
    rows = [(f"{draw.choice(GOOD)}, {draw.choice(GOOD)} {k}", "fine") for k in range(150)]
    rows += [(f"{draw.choice(GOOD)}, {draw.choice(BAD)} {k}", "unsafe") for k in range(30)]
    lines = ["text,label", *(f'"{text}",{label}' for text, label in rows)]
    (folder / "reviews.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "new.csv").write_text(
        "text\n" + "\n".join(f'"{text}"' for text, _ in rows[:5]), encoding="utf-8"
    )
    (folder / "counts.json").write_text(json.dumps({"fine": 150, "unsafe": 30}))
    scores = [(draw.random() * 0.5 + 0.45 * (label == "unsafe"), label) for _, label in rows]
    said = ["p_fine,p_unsafe,label", *(f"{1 - p},{p},{label}" for p, label in scores)]
    (folder / "predictions.csv").write_text("\n".join(said), encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make")])
def test_a_target_of_make_is_there(command):
    done = subprocess.run(["make", "-n", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "longtail compare islands-lt" in done.stdout or "pytest" in done.stdout


def test_the_commands_run_one_after_the_other(folder):
    """As they stand. ``compare``, with what takes seconds, has a process of its own, for its workers."""
    for command in COMMANDS:
        name, *words = shlex.split(command)
        if name == "make":
            continue
        assert name == "longtail"
        if words[0] == "compare":
            quick = ("--recipes", "erm,logit-adjustment,crt,logistic", "--folds", 2, "--epochs", 3)
            process(*words, *quick, cwd=folder)
        else:
            here(*words, cwd=folder)


@pytest.mark.parametrize("k", range(len(SNIPPETS)))
def test_snippet(folder, tmp_path, k, monkeypatch):
    monkeypatch.setattr(Plan, "lengths", (3, 30))  # of nets; what the reader runs searches through thousands
    shutil.copy(folder / "reviews.csv", tmp_path)
    as_script(SNIPPETS[k], tmp_path)


def test_there_is_something_to_test():
    assert len(SNIPPETS) == 3
    assert len(COMMANDS) >= 6


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
