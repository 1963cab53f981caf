"""The pages by family (docs/families) name what there is, and all of it."""

import importlib
import re
from pathlib import Path

import pytest

from longtail import recipes
from longtail.catalogue import known_recipes, on_resampled
from longtail.classical import Classical
from longtail.rooms import ROOMS

PAGES = sorted((Path(__file__).parents[3] / "docs" / "families").glob("*.md"))


def rows(page: Path) -> list[list[str]]:
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.removesuffix("|").split("|")[1:]] for line in lines[1:]]


def named(page: Path) -> set[str]:
    return {name for row in rows(page) for name in re.findall(r"`([^`]+)`", row[1])}


def exists(name: str) -> bool:
    known = known_recipes()
    room, dot, part = name.partition(".")
    if dot:
        return room in ROOMS and hasattr(importlib.import_module(ROOMS[room]), part)
    if name.startswith("longtail "):
        from longtail import api

        return hasattr(api, name.split()[1])
    if "+" in name:
        plain = {k: r for k, r in known.items() if isinstance(r, Classical)}
        return on_resampled(name, plain).name == name
    return name in known


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_what_a_page_names_is_there(page):
    missing = sorted(name for name in named(page) if not exists(name))
    assert not missing, f"docs/families/{page.name} names what does not exist: {missing}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_row_has_a_state_and_a_reason_where_nothing_is_there(page):
    found = rows(page)
    assert len(found) > 10
    for row in found:
        assert len(row) == 3, row
        assert row[2].startswith(("there", "part") if row[1] else "no: "), row


def test_every_deep_recipe_is_on_a_page():
    on_pages = set().union(*map(named, PAGES))
    all_of_them = {f.__name__.replace("_", "-") for f in recipes.ALL}
    assert all_of_them <= on_pages, f"put them on a page of docs/families: {all_of_them - on_pages}"


def test_a_name_that_does_not_exist_is_noticed():
    assert not exists("no-such-recipe")
    assert not exists("losses.NoSuchLoss")
    with pytest.raises(ValueError, match="there is no"):
        exists("no-such+logistic")
