"""Who may import whom (docs/design.md): the rooms, read from the source, not from running it."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import longtail

ROOT = Path(longtail.__file__).parent
FOUNDATION = {
    "classes",
    "labels",
    "label_sets",
    "link",
    "inputs",
    "source",
    "targets",
    "part",
    "net",
    "schedule",
    "seeds",
    "examples",
    "memory",
    "files",
    "tables",
    "by_class",
    "prior",
    "costs",
    "words",
    "rooms",
    "own_code",
    "roles",
    "settings",
    "verb",
    "clock",
}
VALUES = FOUNDATION | {"weights", "metrics"}
PART_ROOMS = {
    "losses",
    "samplers",
    "mixing",
    "augment",
    "heads",
    "adjust",
    "backbones",
    "surgery",
    "objectives",
    "optim",
}
ABOVE_PARTS = VALUES | PART_ROOMS
RUN = ABOVE_PARTS | {"recipe", "store"}
MODEL = RUN | {"run", "formats", "kinds", "data", "classical"}
COMPARE = MODEL | {"protocol", "own_net", "recipes", "model"}
MAY = {
    **dict.fromkeys(FOUNDATION, FOUNDATION),
    **dict.fromkeys(
        ("weights", "metrics", "losses", "samplers", "mixing", "augment", "heads", "adjust"), VALUES
    ),
    "backbones": VALUES,
    "optim": VALUES,
    "surgery": VALUES | {"heads", "backbones"},
    "objectives": VALUES,
    "recipe": ABOVE_PARTS,
    "store": FOUNDATION,
    "run": RUN,
    "own_net": FOUNDATION,
    "protocol": RUN,
    "recipes": RUN | {"protocol"},
    "formats": VALUES,
    "kinds": RUN | {"formats", "protocol", "own_net"},
    "classical": RUN,
    "data": VALUES | {"formats", "kinds"},
    "model": MODEL,
    "comparison": COMPARE,
    "catalogue": COMPARE | {"comparison"},
    "chosen": COMPARE | {"comparison", "catalogue"},
    "report": COMPARE | {"comparison"},
    "figures": COMPARE | {"comparison", "report"},
    "executors": COMPARE | {"comparison"},
    "bench": COMPARE | {"comparison", "executors"},
    "api": COMPARE | {"comparison", "executors", "catalogue", "chosen", "report", "bench", "figures"},
    "cli": COMPARE | {"comparison", "executors", "catalogue", "report", "api"},
    "integrations": COMPARE | {"comparison", "catalogue", "report", "api"},
    "testing": COMPARE | {"comparison", "executors"},
}
FREE = {"__init__", "__main__"}
CORE = {"torch", "numpy", "safetensors"}
FRAMEWORKS_INSIDE = {
    "tables",
    "optim",
    "classical",
    "data",
    "formats",
    "kinds",
    "report",
    "figures",
    "bench",
    "backbones",
    "integrations",
    "comparison",
    "api",
    "cli",
    "adjust",
    "model",
}


def room_of(file: Path) -> str:
    relative = file.relative_to(ROOT)
    return relative.parts[0].removesuffix(".py")


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


@cache
def imports(file: Path) -> list[tuple[str, bool]]:
    """Every absolute import of a file, and whether it stands at the top level (typing-only imports do not count)."""
    found = []

    def walk(node: ast.AST, top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                found.extend((alias.name, top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{file}: relative import"
                if child.module == "longtail":
                    found.extend((f"longtail.{alias.name}", top) for alias in child.names)
                else:
                    found.append((child.module or "", top))
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            walk(child, top and not inside)

    walk(tree_of(file), True)
    return found


FILES = sorted(ROOT.rglob("*.py"))
by_room = pytest.mark.parametrize("room", sorted({room_of(file) for file in FILES}))
"""A test for each room rather than for each of its files: there are hundreds."""


def files_of(room: str) -> list[Path]:
    return [file for file in FILES if room_of(file) == room]


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


@by_room
def test_a_room_imports_only_what_it_may(room):
    if room in FREE:
        return
    for file in files_of(room):
        for name, _ in imports(file):
            if name.startswith("longtail.") and name != "longtail.__version__":
                other = name.split(".")[1]
                assert other == room or other in MAY[room], f"{name_of(file)} must not import {name}"


@by_room
def test_frameworks_are_imported_inside_functions(room):
    for file in files_of(room):
        for name, top in imports(file):
            package = name.split(".")[0]
            if package in sys.stdlib_module_names or package == "longtail" or package in {"torch", "numpy"}:
                continue
            if package == "typer" and room == "cli":
                continue
            if room == "integrations" and package == file.stem:
                continue  # the framework it is named after: it inherits from it
            assert not top, f"{name_of(file)} imports {package} at the top level"
            if package not in CORE:
                allowed = FRAMEWORKS_INSIDE | {"testing"}
                assert room in allowed, f"{name_of(file)} must not import {package}"


NAMES_OF_KINDS = {"table", "text", "image", "embedding", "token"}


def told_by_name(tree: ast.AST) -> list[str]:
    """Where a kind of data is told by its name: compared with it, or looked up by it."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            named = any(ast.unparse(s).rpartition(".")[2] == "kind" for s in sides)
            words = {c.value for s in sides for c in ast.walk(s) if isinstance(c, ast.Constant)}
            if named and words & NAMES_OF_KINDS:
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Dict):
            keys = {k.value for k in node.keys if isinstance(k, ast.Constant)}
            if len(keys & NAMES_OF_KINDS) > 1:
                found.append(ast.unparse(node))
    return found


@by_room
def test_only_a_kind_knows_what_kind_it_is(room):
    for file in files_of(room):
        assert room == "kinds" or not told_by_name(tree_of(file)), name_of(file)


@pytest.mark.parametrize(
    "code",
    ["kind == 'text'", "data.kind in (None, 'table')", "{'image': 1, 'text': 2}[kind]", "'image' != kind"],
)
def test_a_test_of_a_kind_is_found(code):
    assert told_by_name(ast.parse(code))


PROCESSES = {"multiprocessing", "subprocess"}


@by_room
def test_only_executors_start_processes(room):
    if room in ("executors", "testing"):  # testing starts ranks
        return
    for file in files_of(room):
        assert not {name.split(".")[0] for name, _ in imports(file)} & PROCESSES, name_of(file)
        assert "ProcessPool" not in file.read_text(encoding="utf-8"), name_of(file)


VERBS = {"api", "cli", "bench"}
"""Where the caller says how many jobs, into which folder, and until when."""
CLOCKS = {"time.time", "time.monotonic", "datetime.now", "datetime.utcnow", "date.today"}
SEEN = {"clock.py", "cli/saying.py", "report/progress.py"}
"""Where time is looked at: the clock; when the command began; what is said in the meantime."""


def looks_at_the_time(tree: ast.AST) -> list[str]:
    found = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    return [name for name in found if name in CLOCKS]


def places(tree: ast.AST) -> list[str]:
    """Parameters that say where something lies or runs."""
    return [a.arg for a in ast.walk(tree) if isinstance(a, ast.arg) and a.arg in ("folder", "jobs")]


@by_room
def test_below_the_verbs_nobody_looks_at_the_time(room):
    for file in files_of(room):
        tree, name = tree_of(file), name_of(file)
        if name not in SEEN and room != "testing":
            assert not looks_at_the_time(tree), name
        if room not in VERBS | {"clock"}:
            taken = {
                f"{n.module}.{a.name}"
                for n in ast.walk(tree)
                if isinstance(n, ast.ImportFrom)
                for a in n.names
            }
            assert "longtail.clock.today" not in taken, name


EARLIER = "comparison/counted.py"
"""It reads the results that an earlier call left for its reader."""


@by_room
def test_what_trains_and_compares_knows_no_place(room):
    for file in files_of(room) if room in ("run", "comparison", "classical") else ():
        assert name_of(file) == EARLIER or not places(tree_of(file)), name_of(file)


def test_a_look_at_the_time_and_a_place_are_found():
    assert looks_at_the_time(ast.parse("import time\nbegan = time.monotonic()")) == ["time.monotonic"]
    assert places(ast.parse("def f(plan, folder, *, jobs=1): ...")) == ["folder", "jobs"]


def all_rows_in_short(tree: ast.AST) -> list[str]:
    """Where ``examples.x`` is read: it is for people at a prompt. What needs all rows at once says ``whole()``."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "x"]
    return [name for name in map(ast.unparse, found) if name != "self.x"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(ROOT)))
def test_what_needs_all_rows_says_so(file):
    if room_of(file) != "optim":  # SciPy calls a solution x
        assert not all_rows_in_short(ast.parse(file.read_text(encoding="utf-8")))


def test_a_reading_of_all_rows_is_found():
    assert all_rows_in_short(ast.parse("net(held.x)\nself.x = x")) == ["held.x"]


def test_every_room_has_a_rule():
    rooms = {room_of(f) for f in FILES} - FREE
    assert rooms <= set(MAY), rooms - set(MAY)


def test_importing_longtail_imports_torch_and_numpy_only():
    code = (
        "import sys, torch, numpy; before = set(sys.modules); import longtail; "
        "new = {m.split('.')[0] for m in set(sys.modules) - before}; print(sorted(new))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = {
        "sklearn",
        "pandas",
        "pyarrow",
        "PIL",
        "typer",
        "rich",
        "jinja2",
        "matplotlib",
        "scipy",
        "safetensors",
    }
    assert not heavy & set(ast.literal_eval(out)), out
