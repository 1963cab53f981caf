"""Tagged tokens as they come: CoNLL columns and lists, told by their content; what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from longtail.data import encoder_for, inspect_facts, load
from longtail.data.parts import with_parts
from longtail.formats.known import format_of
from longtail.kinds import Sentences, WindowEncoder
from longtail.kinds.token.windows import marks_of

CONLL = """-DOCSTART- -X- O

EU NNP B-ORG
rejects VBZ O
calls NNS O

Peter NNP B-PER
Blackburn NNP I-PER

-DOCSTART- -X- O

Rome NNP I-LOC
"""


def write(folder: Path, text: str, name: str = "tags.txt") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def tags(data) -> list[str]:
    return [data.labels.names[k] for k in data.labels.y.tolist()]


def test_conll_columns_are_told_by_their_content(tmp_path: Path) -> None:
    data = load(write(tmp_path, CONLL))
    assert (data.kind, len(data), data.raw.tokens[:2]) == ("token", 6, ["EU", "rejects"])
    assert tags(data) == ["B-ORG", "O", "O", "B-PER", "I-PER", "I-LOC"]
    assert data.beside.group.tolist() == data.beside.sequence.tolist() == [0, 0, 0, 1, 1, 2]
    notes = " ".join(data.notes)
    for said in (
        "3 sentences, 6 tokens",
        "entities of 3 types",
        "1 entities begin without B-",
        "group='document'",
    ):
        assert said in notes
    assert inspect_facts(data)["kind"] == "token"


def test_columns_and_documents_that_are_asked_for(tmp_path: Path) -> None:
    data = load(write(tmp_path, CONLL), kind="token", label="1", group="document")
    assert tags(data)[:2] == ["NNP", "VBZ"]
    assert data.beside.group.tolist() == [0, 0, 0, 0, 0, 1]
    assert data.beside.sequence.tolist() == [0, 0, 0, 1, 1, 2]
    assert data.scheme is None
    assert any("no BIO tags" in note for note in data.notes)


@pytest.mark.parametrize(
    "text",
    ["a b\nc d\n\ne f\n", "EU B-ORG\nsays O\n", "EU,B-ORG\nsays,O\n\nb,O\n", "one O two\nB-A O\n\nO\n"],
)
def test_what_only_looks_a_little_like_it_is_none(tmp_path: Path, text: str) -> None:
    assert format_of(Path(write(tmp_path, text))) == "delimited"


def lines(rows: list[dict]) -> str:
    return "\n".join(json.dumps(row) for row in rows)


ROWS = [
    {"id": 1, "doc": "x", "tokens": ["EU", "says"], "tags": ["B-ORG", "O"], "part": "train"},
    {"id": 2, "doc": "x", "tokens": ["Why", "?"], "tags": ["O", "O"], "part": "train"},
    {"id": 3, "doc": "y", "tokens": ["Rome"], "tags": ["B-LOC"], "part": "test"},
]


def test_lists_of_tokens_and_tags(tmp_path: Path) -> None:
    path = write(tmp_path, lines(ROWS), "tags.jsonl")
    data = load(path)
    assert (data.kind, data.raw.tokens) == ("token", ["EU", "says", "Why", "?", "Rome"])
    assert (tags(data), data.beside.group.tolist()) == (["B-ORG", "O", "O", "O", "B-LOC"], [0, 0, 1, 1, 2])
    beside = load(path, group="doc", split="part").beside
    assert (beside.group.tolist(), beside.part.tolist()) == ([0, 0, 0, 0, 1], [0, 0, 0, 0, 2])


def test_parquet_has_lists_too(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame(ROWS).to_parquet(tmp_path / "tags.parquet")
    assert (
        load(tmp_path / "tags.parquet").fingerprint
        == load(write(tmp_path, lines(ROWS), "t.jsonl")).fingerprint
    )


def test_in_memory(tmp_path: Path) -> None:
    words, said = [row["tokens"] for row in ROWS], [row["tags"] for row in ROWS]
    data = load((words, said))
    assert data.fingerprint == load(write(tmp_path, lines(ROWS), "tags.jsonl")).fingerprint
    assert data.beside.sequence.tolist() == [0, 0, 1, 1, 2]
    with pytest.raises(ValueError, match="sentence 2 has 2 tokens and 1 tags"):
        load((words, [["O", "O"], ["O"], ["O"]]))
    with pytest.raises(ValueError, match="y has 1 lists of tags for 3 sentences"):
        load((words, said[:1]))


def test_ragged_rows_are_named_or_left_out(tmp_path: Path) -> None:
    rows = [*ROWS, {**ROWS[0], "tags": ["O"]}]
    path = write(tmp_path, lines(rows), "tags.jsonl")
    with pytest.raises(ValueError, match=r"row 4: 2 in 'tokens' and 1 in 'tags'.*skip_bad"):
        load(path)
    assert len(load(path, skip_bad=True)) == 5
    conll = write(tmp_path, "EU B-ORG\nsays O\n\nRome\n", "tags.conll")
    with pytest.raises(ValueError, match=r"line 4: 1 columns, where the first token's line has 2"):
        load(conll)
    assert len(load(conll, skip_bad=True)) == 2


@pytest.mark.parametrize(
    "options, why",
    [
        ({"time": "id"}, "time='id' is no option for .*CoNLL"),
        ({"delimiter": "tab"}, "delimiter='tab' is no option for .*CoNLL"),
        ({"group": "doc"}, "'sentence' .*or 'document'"),
        ({"label": "tag"}, "label='tag': CoNLL columns have no names"),
        ({"label": 7}, "label=7, but its lines have 3 columns"),
        ({"kind": "table"}, "holds token data; kind='table' does not fit"),
        ({"imbalance": 9}, "imbalance=9 leaves rows out"),
    ],
)
def test_what_has_no_meaning_is_refused(tmp_path: Path, options: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        load(write(tmp_path, CONLL), **options)


def test_files_without_tags_or_tokens(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one column; tokens need a tag"):
        load(write(tmp_path, "EU\nsays\n\nRome\n", "words.conll"))
    with pytest.raises(ValueError, match="no token"):
        load(write(tmp_path, "\n\n-DOCSTART- O\n", "none.conll"))
    with pytest.raises(ValueError, match="no list of tags"):
        load(write(tmp_path, lines([{"tokens": ["a"], "y": "b"}]), "words.jsonl"), kind="token")
    with pytest.raises(ValueError, match="kind='token' takes CoNLL columns"):
        load(
            write(tmp_path, lines([{"a": "b", "y": "c"}, {"a": "d", "y": "e"}]), "table.jsonl"), kind="token"
        )


def test_windows_see_the_words_around_and_no_other_sentence() -> None:
    raw = Sentences.of([["in", "Rome", "now"], ["in", "Oslo"]])
    encoder = WindowEncoder.fit(raw, least=1)
    x = encoder(raw).dense()
    assert x.square().sum(1).allclose(torch.tensor([12 + 2, 12 + 2, 12 + 2, 8 + 3, 8 + 3]) / 20)
    other = encoder(Sentences.of([["in", "Oslo"]])).dense()
    assert torch.equal(other, x[3:])
    assert torch.equal(encoder(raw.take(torch.tensor([4, 1]))).dense(), x[[4, 1]])
    again = WindowEncoder.load(*encoder.save())
    assert torch.equal(again(raw).dense(), x)
    assert marks_of("Rome")[0] == "w=rome"


def test_tokens_of_one_sentence_and_place_are_copies() -> None:
    data = load(([["EU", "EU"], ["EU", "EU"], ["EU"]], [["O", "O"], ["O", "B-A"], ["O"]]))
    assert data.duplicate_of.tolist() == [0, 1, 0, 1, 2]


def test_a_test_file_has_sentences_of_its_own(tmp_path: Path) -> None:
    train = load(write(tmp_path, CONLL))
    test = write(tmp_path, "Oslo B-LOC\nsays O\n\nWhy O\n", "test.conll")
    both = with_parts(train, {"test": test}, {})
    assert both.beside.sequence.tolist() == [0, 0, 0, 1, 1, 2, 3, 3, 4]
    assert both.beside.group.tolist() == [0, 0, 0, 1, 1, 2, 3, 3, 4]
    assert both.beside.part.tolist() == [0] * 6 + [2] * 3
    assert both.raw.tokens[6:] == ["Oslo", "says", "Why"]
    assert tags(both)[6:] == ["B-LOC", "O", "O"]
    assert encoder_for(both) is WindowEncoder


def test_the_built_in_one() -> None:
    data = load("names-lt")
    assert (data.kind, data.labels.counts[1].item(), data.fingerprint) == (
        "token",
        900,
        load("names-lt").fingerprint,
    )
    with pytest.raises(ValueError, match="at most 900"):
        load("names-lt:1000")
