"""No key changes unless the table is made again on purpose."""

import json

import identities

HOW = "if that is meant, run `python tests/identity/identities.py` and say so in the changelog"


def test_every_recipe_has_the_key_that_it_had():
    golden, now = json.loads(identities.FILE.read_text(encoding="utf-8")), identities.digests()
    assert list(now) == list(golden)
    for kind, rows in now.items():
        assert list(rows) == list(golden[kind]), f"other recipes on {kind} data: {HOW}"
        changed = [name for name, row in rows.items() if row != golden[kind][name]]
        assert not changed, f"the keys of {', '.join(changed)} on {kind} data changed: {HOW}"
