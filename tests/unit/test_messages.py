"""Options that messages name are options of the command that says them."""

import ast
import re
from pathlib import Path

import pytest

import longtail
from longtail.cli.ending import errors
from longtail.cli.saying import commands

ROOT = Path(longtail.__file__).parent
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]+)")
COMMAND = re.compile(r"longtail (compare|train|predict|adjust|bench|inspect|clean)\b[^`\n]*")

READ, TRAIN = ("compare", "train", "inspect"), ("compare", "train", "bench")
SAID_BY = {
    "adjust/apply.py": ("adjust",),
    "api/comparing.py": ("compare",),
    "api/keeping.py": ("compare",),
    "api/mistakes.py": ("errors",),
    "api/several.py": ("compare",),
    "bench/cifar.py": ("bench",),
    "bench/estimate.py": ("bench",),
    "catalogue.py": ("compare",),
    "comparison/counted.py": ("compare",),
    "comparison/recommendation.py": ("compare",),
    "executors/processes.py": ("compare", "bench"),
    "kinds/table/giveaways.py": ("compare", "inspect"),
    "formats/identifiers.py": READ,
    "run/gradient.py": TRAIN,
    "run/suits.py": ("compare", "train"),  # says which commands it means
}
"""The commands on which a file's messages can be seen."""

OF_ADJUST = ("from-prior",)
"""What is said in adjust alone."""


def strings(tree):
    """Every string but docstrings and the declarations of options; the values of an f-string are left open."""
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped.update(map(id, node.values))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("typer.Option", "option.replace"):
            skipped.update(map(id, ast.walk(node)))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else "X" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def messages():
    """(file, text) of every message with an option in it."""
    for file in sorted(ROOT.rglob("*.py")):
        for text in strings(ast.parse(file.read_text(encoding="utf-8"))):
            if OPTION.search(text) and text != "--":
                yield str(file.relative_to(ROOT)), text


def lacks(options, option):
    """Is it none of these parameters? ``--no-x`` is the parameter x."""
    return option.removeprefix("no-").replace("-", "_") not in options


def untrue(where, text, known):
    """The options in a message that the commands which say it lack."""
    found = []
    for shown in COMMAND.finditer(text):  # a whole command: its own options
        found += [o for o in OPTION.findall(shown[0]) if lacks(known[shown[1]], o)]
    said = COMMAND.sub("", text)
    for option in OPTION.findall(said):
        by = ("adjust",) if option in OF_ADJUST else SAID_BY.get(where)
        assert by is not None, f"{where} names --{option}: list the commands that say it in SAID_BY"
        found += [f"{option} on {name}" for name in by if lacks(known[name], option)]
    return found


MESSAGES = [(where, text) for where, text in messages() if not where.startswith("cli/")]


@pytest.mark.parametrize("where, text", MESSAGES)
def test_an_option_in_a_message_exists(where, text):
    assert not untrue(where, text, commands())


def test_messages_were_found():
    assert len(MESSAGES) > 12
    assert set(SAID_BY) <= {where for where, _ in MESSAGES}


def test_an_option_that_is_not_there_is_found():
    known = commands()
    assert untrue("catalogue.py", "use --nothing", known) == ["nothing on compare"]
    assert untrue("catalogue.py", "`longtail predict M DATA --folds 3`", known) == ["folds"]


@pytest.mark.parametrize("command, jobs", [("compare", True), ("predict", False)])
def test_fewer_jobs_only_where_there_are_jobs(monkeypatch, capsys, command, jobs):
    monkeypatch.setattr("sys.argv", ["longtail", command])
    with pytest.raises(Exception), errors():  # noqa: B017  # typer's own way to end
        raise MemoryError("3 GB")
    said = capsys.readouterr().err
    assert "not enough memory (3 GB)" in said
    assert ("--jobs" in said) == jobs
