"""The Python in the documentation pages runs."""

import re
from pathlib import Path

import pytest
from typed import as_script

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "priors",
    "costs",
    "two-stage",
    "sampling",
    "tables",
    "text",
    "tokens",
    "images",
    "metrics",
    "figures",
    "splits",
    "unknown",
    "your-own",
)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_s_python_runs_from_top_to_bottom(name, tmp_path):
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.M | re.S)
    assert blocks
    as_script("\n".join(blocks), tmp_path)


def test_links_between_pages_lead_somewhere():
    for page in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
