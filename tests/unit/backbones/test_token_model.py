"""A word's vector is that of its first piece, whatever stands beside it in a batch; long sentences are cut, and said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from longtail import api
from longtail.backbones import TokenModel
from longtail.backbones.token_model import buckets
from longtail.data import load
from longtail.kinds import PieceEncoder, Sentences
from longtail.model import Model
from longtail.source import Resident

WORDS = [["good", "food", "bad"], ["a"], ["not", "good", "at", "all", "味道", "很不错!"]]


@pytest.fixture(scope="module")
def encoder(bert: Path) -> PieceEncoder:
    return PieceEncoder.of(str(bert))


def by_transformers(folder: Path) -> torch.Tensor:
    """What the library itself gives, one sentence at a time."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    out = []
    for words in WORDS:
        said = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**said).last_hidden_state[0]
        out += [hidden[said.word_ids().index(k)] for k in range(len(words))]
    return torch.stack(out)


def test_each_word_has_the_vector_of_its_first_piece(
    bert: Path, encoder: PieceEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = TokenModel.pretrained(str(bert)), encoder(Sentences.of(WORDS))
    want = by_transformers(bert)
    with torch.no_grad():
        assert torch.allclose(model(rows), want, atol=1e-5)
        order = torch.tensor([9, 0, 3, 3, 5])
        assert torch.allclose(model(rows[order]), want[order], atol=1e-5)
        monkeypatch.setattr("longtail.backbones.token_model.BUCKET", 6)
        monkeypatch.setattr("longtail.backbones.token_model.buckets", lambda n, order: buckets(n, order, 6))
        assert torch.allclose(model(rows[order]), want[order], atol=1e-5)


def test_a_long_sentence_is_cut_into_texts(bert: Path, encoder: PieceEncoder) -> None:
    short = PieceEncoder.of(str(bert), tokens=5).noting_cuts(Sentences.of(WORDS))
    assert "1 of 3 sentences have more than 5 pieces" in short.notes[-1] or "2 of 3" in short.notes[-1]
    rows = short(Sentences.of(WORDS))
    assert rows.texts.shape[1] <= 5
    assert len(rows) == 10
    assert bool((rows.place < rows.texts.lengths[rows.text]).all())
    again = PieceEncoder.load(*short.save())
    assert Resident(again(Sentences.of(WORDS))).fingerprint() == Resident(rows).fingerprint()


def test_pool_is_for_texts(bert: Path) -> None:
    with pytest.raises(ValueError, match="pool='mean' is for texts"):
        TokenModel.pretrained(str(bert), pool="mean")


@pytest.mark.parametrize("options", ["", ",tune=lora,rank=2", ",tune=full"])
def test_from_sentences_to_saved_model(bert: Path, tmp_path: Path, options: str) -> None:
    data = load("names-lt")
    few = data.take((data.raw.sentence < 25).nonzero().flatten())
    folder = Path(shutil.copytree(bert, tmp_path / "bert"))
    out = tmp_path / "model"
    model = api.train(
        few, recipe="dice", backbone=f"hf:{folder}{options}", epochs=1, out=out, tuning="holdout"
    )
    shutil.rmtree(folder)  # the saved model stands alone
    again = Model.load(out)
    assert torch.equal(model.predict_proba(WORDS), again.predict_proba(WORDS))
    assert len(again.predict_proba(WORDS)) == 10
