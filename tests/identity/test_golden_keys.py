"""No key changes unless the table is made again on purpose."""

import json

import identities
import pytest

HOW = "if that is meant, run `python tests/identity/identities.py` and say so in the changelog"


@pytest.fixture(scope="module")
def golden():
    return json.loads(identities.FILE.read_text(encoding="utf-8"))


def test_every_recipe_has_the_key_that_it_had(golden):
    now = identities.digests()
    assert [*now, "defaults"] == list(golden)
    for kind, rows in now.items():
        assert list(rows) == list(golden[kind]), f"other recipes on {kind} data: {HOW}"
        changed = [name for name, row in rows.items() if row != golden[kind][name]]
        assert not changed, f"the keys of {', '.join(changed)} on {kind} data changed: {HOW}"


def test_no_default_changes_under_a_key(golden):
    """A keyword may come; one that is there keeps its default, which is not in the keys."""
    now = identities.defaults()
    for name, before in golden["defaults"].items():
        for keyword, value in before.items():
            assert now.get(name, {}).get(keyword) == value, f"{name}({keyword}={value}): {HOW}"
