"""Encoders: fitted on training rows only, equal to scikit-learn where it does the same, saved without pickle."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import StandardScaler

from longtail.data import EmbeddingEncoder, ImageEncoder, SparseEncoder, TableEncoder, TextEncoder
from longtail.inputs import SparseRows
from longtail.kinds.text.encoder import unsegmented

CHINESE = ["味道很不错，分量足", "不好吃，分量少", "味道不好，分量不足 OK", "好吃", "", "还行，味道不错"]
ENGLISH = [
    "A good meal, a good day",
    "not a good meal",
    "the meal was cold",
    "",
    "cold and late",
    "A late day",
]
MIXED = pd.DataFrame(
    {
        "n": [1.0, 2.0, np.nan, 5.0],
        "still": [7.0] * 4,
        "word": ["a", "b", None, "a"],
        "same": ["x"] * 4,
        "big": [1e300, -1e300, 1e299, 0.0],
    }
)
SPARSE = SparseRows(torch.tensor([0, 2, 2, 3]), torch.tensor([0, 3, 1]), torch.tensor([3.0, 4.0, 2.0]), 4)
FITTED = {
    "table": (TableEncoder.fit(MIXED), MIXED),
    "char": (TextEncoder.fit(CHINESE), CHINESE),
    "word+char": (TextEncoder.fit(ENGLISH), ENGLISH),
    "image": (
        ImageEncoder.fit(torch.zeros(2, 3, 4, 6, dtype=torch.uint8)),
        torch.ones(2, 3, 8, 8, dtype=torch.uint8),
    ),
    "embedding": (EmbeddingEncoder.fit(torch.rand(9, 4)), torch.rand(3, 4)),
    "sparse": (SparseEncoder.fit(SPARSE), SPARSE),
}


def dense(x) -> torch.Tensor:
    return x if isinstance(x, torch.Tensor) else x.dense()


@pytest.mark.parametrize("name", FITTED)
def test_save_and_load(name) -> None:
    encoder, raw = FITTED[name]
    facts, tensors = encoder.save()
    again = type(encoder).load(
        json.loads(json.dumps(facts, ensure_ascii=False)), {k: v.clone() for k, v in tensors.items()}
    )
    assert torch.equal(dense(again(raw)), dense(encoder(raw)))
    assert (again.feature_shape, again.num_features, again.notes) == (
        encoder.feature_shape,
        encoder.num_features,
        encoder.notes,
    )


@pytest.mark.parametrize("name", FITTED)
def test_shapes_and_rows_are_independent(name) -> None:
    encoder, raw = FITTED[name]
    x = dense(encoder(raw))
    assert tuple(x.shape[1:]) == encoder.feature_shape
    assert x[0].numel() == encoder.num_features
    assert bool(x.isfinite().all())
    first = raw.iloc[:1] if isinstance(raw, pd.DataFrame) else raw[:1]
    assert torch.equal(dense(encoder(first)), x[:1])


def test_numbers_are_standardised_as_scikit_learn_does() -> None:
    x = np.random.default_rng(0).normal(5, 3, (50, 3))
    frame = pd.DataFrame(x, columns=list("abc"))
    want = StandardScaler().fit(x[:30]).transform(x)
    encoder = TableEncoder.fit(frame.iloc[:30])
    np.testing.assert_allclose(encoder(frame).numpy(), want, rtol=1e-6, atol=1e-6)
    assert encoder.notes == ()


def test_missing_constant_and_words() -> None:
    encoder, _ = FITTED["table"]
    assert encoder.feature_names == ("n", "n is missing", "word = a", "word = missing", "word = b", "big")
    assert encoder.notes[0] == "constant in training, dropped: still, same"
    x = encoder(MIXED)
    assert x[:, 1].tolist() == [0, 0, 1, 0]
    assert x[2, 0] == (2.0 - np.mean([1, 2, 2, 5])) / np.std([1, 2, 2, 5])
    assert x[:, 2:5].tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_levels_that_training_did_not_have() -> None:
    frame = pd.DataFrame({"w": ["a", "b", "a"], "n": [1.0, 2.0, 3.0]})
    new = pd.DataFrame({"n": [np.nan, np.inf], "w": ["new", None]})
    x = TableEncoder.fit(frame)(new)
    assert x[:, :2].tolist() == [[0, 0], [0, 0]]
    assert x[:, 2].tolist() == [0, 0]


def test_many_levels_are_capped_and_said() -> None:
    frame = pd.DataFrame({"w": ["a"] * 5 + ["b"] * 3 + ["c", "d"]})
    encoder = TableEncoder.fit(frame, max_levels=2)
    assert encoder.feature_names == ("w = a", "w = b", "w = other")
    assert "4 levels, the 2 commonest kept" in encoder.notes[0]
    assert encoder(pd.DataFrame({"w": ["a", "d", "new"]})).tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 1]]


def test_tables_that_cannot_be_encoded() -> None:
    with pytest.raises(ValueError, match="all columns are constant"):
        TableEncoder.fit(pd.DataFrame({"a": [1.0, 1.0]}))
    with pytest.raises(ValueError, match=r"no column 'n', 'big'"):
        FITTED["table"][0](pd.DataFrame({"word": ["a"]}))
    with pytest.raises(ValueError, match="max_levels=0"):
        TableEncoder.fit(MIXED, max_levels=0)


@pytest.mark.parametrize("rows", [slice(0, 6), slice(0, 3)])
def test_tfidf_is_scikit_learns(rows) -> None:
    reference = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True).fit(
        CHINESE[rows]
    )
    encoder = TextEncoder.fit(CHINESE[rows])
    assert encoder.terms[0].vocabulary == tuple(reference.get_feature_names_out())
    want = reference.transform(CHINESE).toarray()
    np.testing.assert_allclose(encoder(CHINESE).dense().numpy(), want, rtol=1e-6, atol=1e-7)


def test_words_and_characters_weigh_the_same() -> None:
    encoder, _ = FITTED["word+char"]
    x = encoder(ENGLISH).dense()
    words = len(encoder.terms[0].vocabulary)
    assert torch.allclose(x[0, :words].norm(), torch.tensor(0.5).sqrt())
    assert torch.allclose(x[0].norm(), torch.tensor(1.0))
    assert x[3].abs().sum() == 0  # an empty text
    assert "good meal" in encoder.terms[0].vocabulary


def test_the_script_chooses_the_terms() -> None:
    assert unsegmented(CHINESE)
    assert unsegmented(["ภาษาไทย", "こんにちは"])
    assert not unsegmented(ENGLISH)
    assert not unsegmented(["Привет, мир", "한국어 문장입니다", "123"])


def test_texts_with_little_in_them() -> None:
    encoder = TextEncoder.fit(["ab", "cd"])
    assert any("all are kept" in n for n in encoder.notes)
    with pytest.raises(ValueError, match="none of the 2 texts holds a term"):
        TextEncoder.fit(["", ""])
    capped = TextEncoder.fit(CHINESE, max_terms=5)
    assert capped.num_features == 5
    assert any("the 5 commonest" in n for n in capped.notes)
    with pytest.raises(ValueError, match="analyzer='bpe'"):
        TextEncoder.fit(CHINESE, analyzer="bpe")


def test_embeddings() -> None:
    x = torch.randn(40, 3, dtype=torch.float64).float() * 9 + 4
    x[:, 1] = 5.0
    encoder = EmbeddingEncoder.fit(x)
    z = encoder(x)
    assert torch.allclose(z[:, [0, 2]].std(0, correction=0), torch.ones(2), atol=1e-5)
    assert z[:, 1].eq(0).all()
    assert torch.equal(EmbeddingEncoder.fit(x, standardise=False)(x), x)
    with pytest.raises(ValueError, match=r"takes \[N, 3\]"):
        encoder(torch.zeros(2, 4))


def test_images() -> None:
    raw = torch.randint(0, 256, (3, 3, 6, 6), dtype=torch.uint8)
    assert ImageEncoder.fit(raw)(raw) is raw
    small = ImageEncoder.fit(raw, size=3)(raw)
    assert (tuple(small.shape), small.dtype) == ((3, 3, 3, 3), torch.uint8)
    assert torch.allclose(small.float().mean(), raw.float().mean(), atol=4)


def test_sparse_rows_get_a_common_length_and_keep_their_zeros() -> None:
    encoder = SparseEncoder.fit(SPARSE)
    assert float(encoder(SPARSE).dense().square().sum(1).mean()) == pytest.approx(1)
    assert torch.equal(encoder(SPARSE).dense() == 0, SPARSE.dense() == 0)
    with pytest.raises(ValueError, match="has 3 columns; the model takes 4"):
        encoder(SparseRows(SPARSE.indptr, SPARSE.indices % 3, SPARSE.values, 3))
    empty = SparseRows(torch.tensor([0, 0]), torch.tensor([], dtype=torch.int64), torch.tensor([]), 4)
    assert SparseEncoder.fit(empty).scale == 1
