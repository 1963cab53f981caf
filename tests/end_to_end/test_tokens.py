"""Tagged tokens from file to report, and back to a file of tags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import longtail
from longtail import api
from longtail.data import Dataset, load

LEARN_QUICKLY = ("erm", "weighted-ce", "focal")
"""Dice and DSC need far more epochs than these."""


def sentences_below(data: Dataset, n: int) -> Dataset:
    return data.take((data.raw.sentence < n).nonzero().flatten())


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory):
    data = sentences_below(load("names-lt:4"), 90)
    out = tmp_path_factory.mktemp("compared")
    return longtail.compare(
        data, recipes=["erm", "dice"], folds=2, epochs=3, metric="entity_f1", out=out, jobs=1
    )


def test_recipes_are_ranked_and_tested_by_entity_f1(compared) -> None:
    results = compared.record
    assert results.settings.metric == "entity_f1"
    for run in results.runs:
        assert 0 <= run.scores["natural"]["entity_f1"] <= 1
    tests = results.evidence["natural"]["tests"]["entity_f1"]
    assert any(values[3] is not None for of in tests.values() for values in of.values())
    page = (compared.folder / "report.html").read_text(encoding="utf-8")
    assert "entity F1" in page
    assert "No sentence stands on two sides" in page


def test_no_sentence_stands_on_two_sides(compared) -> None:
    import pandas as pd

    said = pd.read_csv(compared.folder / "predictions.csv")
    data = sentences_below(load("names-lt:4"), 90)
    said["sentence"] = data.raw.sentence[torch.tensor(said["row"])].numpy()
    assert (said.groupby("sentence")["fold"].nunique() == 1).all()


def test_tags_are_written_in_the_form_in_which_they_come(compared, tmp_path: Path) -> None:
    words = [["Kaloson", "mi"], ["Renburg"]]
    (tmp_path / "in.conll").write_text("Kaloson\tB-PER\nmi\tO\n\nRenburg\tB-LOC\n", encoding="utf-8")
    frame = api.predict(compared.model, tmp_path / "in.conll", out=tmp_path / "out.conll")
    lines = (tmp_path / "out.conll").read_text(encoding="utf-8").split("\n")
    assert [line.split("\t") for line in lines[:2]] == [
        ["Kaloson", "B-PER", frame["prediction"][0]],
        ["mi", "O", frame["prediction"][1]],
    ]
    assert lines[2] == ""
    assert {"entity_f1", "entity_f1_macro"} <= set(frame.attrs["scores"]["file"])
    (tmp_path / "words.txt").write_text("Kaloson\nmi\n\nRenburg\n", encoding="utf-8")
    bare = api.predict(compared.model, tmp_path / "words.txt", out=tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["tokens"] for row in rows] == words
    assert (
        [tag for row in rows for tag in row["tags"]] == list(bare["prediction"]) == list(frame["prediction"])
    )
    in_memory = api.predict(compared.model, words, out=tmp_path / "table.csv")
    assert list(in_memory["prediction"]) == list(frame["prediction"])
    assert (tmp_path / "table.csv").read_text(encoding="utf-8").startswith("sentence,token,prediction")


def test_entity_f1_is_refused_where_there_are_none() -> None:
    with pytest.raises(ValueError, match="metric='entity_f1' is of entities"):
        longtail.compare("islands-lt", recipes=["erm"], metric="entity_f1")
    data = load(([["a", str(k)] for k in range(30)], [["x", "y"]] * 30))
    with pytest.raises(ValueError, match="metric='entity_f1' is of entities"):
        longtail.compare(data, recipes=["erm"], metric="entity_f1")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", LEARN_QUICKLY)
def test_a_small_net_learns_the_tags(recipe: str) -> None:
    data = load("names-lt")
    train = sentences_below(data, 1400)
    test = data.take((data.raw.sentence >= 1400).nonzero().flatten())
    model = api.train(train, recipe=recipe, epochs=8, tuning="holdout")
    said = model.predict_proba(test.raw).argmax(1)
    entities = test.scheme.entities(test.labels.y, said, test.beside.sequence)
    right, all_of = (entities.right >= 0).sum(), (entities.true >= 0).sum() + (entities.said >= 0).sum()
    assert 2 * right / all_of > 0.4
