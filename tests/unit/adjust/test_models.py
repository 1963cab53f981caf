"""Predictions from models of scikit-learn, torch and Hugging Face."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from longtail import api
from longtail.adjust import predictions_of

X = np.random.default_rng(0).normal(size=(60, 2))
WORDS = np.where(X[:, 0] > 0.5, "rare", "common")
Y = (WORDS == "rare").astype(int)


def test_scikit_learn_by_the_names_of_its_classes() -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(X, WORDS)
    p = predictions_of(model, X, WORDS)
    assert p.names == ("common", "rare")
    assert p.y is not None
    assert p.y.tolist() == Y.tolist()
    np.testing.assert_allclose(np.exp(p.logits), model.predict_proba(X), rtol=1e-9)


def test_scikit_learn_with_numbers_for_classes() -> None:
    """Labels 3 and 7 are names, not indices."""
    from sklearn.ensemble import RandomForestClassifier

    y = np.where(Y == 1, 7, 3)
    p = predictions_of(RandomForestClassifier(5, random_state=0).fit(X, y), X, y)
    assert p.names == ("3", "7")
    assert p.y is not None
    assert p.y.tolist() == Y.tolist()


def test_an_estimator_without_probabilities_is_an_error() -> None:
    from sklearn.svm import LinearSVC

    with pytest.raises(TypeError, match="needs predict_proba"):
        predictions_of(LinearSVC().fit(X, Y), X)


def test_torch_from_a_tensor_and_from_a_loader() -> None:
    torch.manual_seed(0)
    model, x, y = (
        nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5)),
        torch.from_numpy(X).float(),
        torch.from_numpy(Y),
    )
    model.train()
    whole = predictions_of(model, x, y, batch_size=7)
    assert model.training
    with torch.no_grad():
        want = model.eval()(x).numpy()
    np.testing.assert_allclose(whole.logits, want, atol=1e-6)
    data = torch.utils.data.TensorDataset(x, y)
    loaded = predictions_of(model, torch.utils.data.DataLoader(data, batch_size=16))
    np.testing.assert_allclose(loaded.logits, want, atol=1e-6)
    assert loaded.y is not None
    assert loaded.y.tolist() == Y.tolist()
    with pytest.raises(ValueError, match="no row"):
        predictions_of(model, [])


def test_a_model_that_returns_probabilities_is_asked_about() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Softmax(-1))
    with pytest.raises(ValueError, match="look like probabilities"):
        predictions_of(model, torch.from_numpy(X).float())


def test_hugging_face_from_an_encoding_and_from_batches() -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        id2label={0: "safe", 1: "unsafe"}, label2id={"safe": 0, "unsafe": 1},
    )  # fmt: skip
    model = transformers.BertForSequenceClassification(config)
    ids = torch.randint(0, 30, (10, 5))
    encoding = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    p = predictions_of(model, encoding, ["safe", "unsafe"] * 5, batch_size=4)
    assert p.names == ("safe", "unsafe")
    with torch.no_grad():
        want = model.eval()(**encoding).logits.numpy()
    np.testing.assert_allclose(p.logits, want, atol=1e-5)
    batches = [{"input_ids": ids[k : k + 5], "labels": torch.tensor([0, 1, 0, 1, 0])} for k in (0, 5)]
    q = predictions_of(model, batches)
    assert q.y is not None
    assert q.y.tolist() == [0, 1, 0, 1, 0] * 2
    np.testing.assert_allclose(q.logits, want, atol=1e-5)


def test_from_a_model_to_an_adjuster_on_disk(tmp_path) -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(X, WORDS)
    counts = {"common": int((Y == 0).sum()), "rare": int(Y.sum())}
    adjusted = api.adjust(predictions_of(model, X, WORDS), counts=counts, out=tmp_path)
    assert {f.name for f in tmp_path.iterdir()} == {"predictions.csv", "adjuster.json", "scores.json"}
    assert adjusted.scores["balanced"]["change"]["balanced_accuracy"][0] >= 0
    turned = api.adjust(predictions_of(model, X, WORDS), counts=dict(reversed(counts.items())))
    assert (turned.predictions.logits == adjusted.predictions.logits).all()
    with pytest.raises(ValueError, match="counts has a number for 'odd', which is no class"):
        api.adjust(predictions_of(model, X), counts={"odd": 1, "common": 2})
