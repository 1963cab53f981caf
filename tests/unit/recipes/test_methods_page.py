"""docs/methods.md is what the recipe files say."""

import importlib
import importlib.util
from pathlib import Path

import pytest

from longtail import recipes

DOCS = Path(__file__).parents[3] / "docs"


def generator():
    spec = importlib.util.spec_from_file_location("make_methods", DOCS / "make_methods.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_not_drifted() -> None:
    assert (DOCS / "methods.md").read_text() == generator().page(), "run: python docs/make_methods.py"


@pytest.mark.parametrize("recipe", recipes.ALL, ids=lambda f: f.__name__)
def test_every_recipe_has_an_entry_that_says_when_to_reach_for_it(recipe) -> None:
    page = (DOCS / "methods.md").read_text()
    name = recipe.__name__.replace("_", "-")
    own = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
    assert "- **Paper**: " in own
    assert "- **Claim**: " in own
    assert f"def {recipe.__name__}(" in own
    assert "Reach for it " in own, f"say so in src/longtail/recipes/{recipe.__name__}.py"
