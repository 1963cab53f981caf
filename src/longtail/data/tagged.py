"""Predicted tags to a file, in the forms in which they come: CoNLL columns, or a line of lists for each sentence."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

from longtail.files import whole
from longtail.formats.known import CONLL
from longtail.kinds import Sentences
from longtail.tables import ending

LISTS = (".jsonl", ".ndjson")


def is_tagged_file(out: str | Path) -> bool:
    """Is it written sentence by sentence, by its ending? Any other is a table of tokens.

    >>> is_tagged_file("tags.conll"), is_tagged_file("tags.jsonl"), is_tagged_file("tags.csv")
    (True, True, False)
    """
    kind, packed = ending(out)
    return not packed and kind in (*CONLL, ".txt", *LISTS)


def write_tagged(frame: Any, raw: Sentences, out: str | Path) -> None:
    """Write the predictions of all tokens of some sentences.

    Args:
        frame: as ``predict`` gives it, with ``prediction``, and ``label`` where the file had tags: they are kept.
        raw: its rows, sentence after sentence.
        out: CoNLL columns (token, the tag there was, the predicted one); for jsonl an object for each sentence, with
            ``tokens``, ``labels`` where there were tags, and ``tags``.

    Raises:
        OSError: it cannot be written; an older file is whole.
    """
    said = list(frame["prediction"])
    known = [None if v is None or v != v else str(v) for v in frame["label"]] if "label" in frame else None
    tokens, lines = raw.tokens, list[str]()
    for _, of in groupby(range(len(raw)), raw.sentence.tolist().__getitem__):
        rows = list(of)
        if ending(out)[0] in LISTS:
            about: dict[str, Any] = {"tokens": [tokens[k] for k in rows]}
            about |= {} if known is None else {"labels": [known[k] for k in rows]}
            lines.append(json.dumps({**about, "tags": [said[k] for k in rows]}, ensure_ascii=False))
            continue
        for k in rows:
            lines.append("\t".join((tokens[k], *([] if known is None else [known[k] or "_"]), said[k])))
        lines.append("")
    with whole(out) as to:
        to.write_text("\n".join(lines) + "\n", encoding="utf-8")
