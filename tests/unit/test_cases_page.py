"""The tests that tests/README.md names are there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_every_case_has_its_test():
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .* \((\d+)\) \| `(\S+)::(\w+)` \| .+ \|$", page, flags=re.M)
    assert sum(int(cases) for cases, _, _ in rows) == 40
    for _, file, name in rows:
        assert f"def {name}(" in (TESTS / file).read_text(encoding="utf-8"), name


def test_every_folder_is_described():
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    folders = {f.name for f in TESTS.iterdir() if f.is_dir() and not f.name.startswith(("_", "."))}
    assert folders == set(re.findall(r"^\| `(\w+)` \|", page, flags=re.M))
