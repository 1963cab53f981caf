"""Classes: names and counts without rows, and the one rule for a class without an example."""

import json

import numpy as np
import pytest
import torch

import longtail
from longtail import api, weights
from longtail.adjust import PriorShift
from longtail.classes import Classes, floored
from longtail.data import Dataset
from longtail.labels import Labels
from longtail.losses import BalancedSoftmax
from longtail.model import Model
from longtail.run.outcome import Meaning

COUNTS = torch.tensor([80, 0, 20])
CLASSES = Classes(("a", "b", "c"), COUNTS)


def test_what_follows_from_names_and_counts():
    assert CLASSES.prior.tolist() == [0.8, 0.0, 0.2]
    assert (CLASSES.imbalance, CLASSES.unseen) == (4.0, ("b",))
    assert {k: v.tolist() for k, v in CLASSES.groups(many=50, few=10).items()} == {
        "many": [0], "medium": [2], "few": [1],
    }  # fmt: skip
    assert [r.tolist() for r in CLASSES.runs(2)] == [[0], [2, 1]]


def test_rows_know_their_classes():
    labels = Labels.of([0] * 80 + [2] * 20, names=["a", "b", "c"])
    assert torch.equal(labels.classes.counts, COUNTS)
    assert torch.equal(labels.classes.prior, CLASSES.prior)
    assert labels.classes is labels.classes


@pytest.mark.parametrize(
    "names, counts, words",
    [
        ((), [], "for 0 class names"),
        (("a",), [1, 2], "for 1 class names"),
        (("a", "a"), [1, 2], "two classes have the same name"),
        (("a", "b"), [1, -2], "0 or more"),
        (("a", "b"), [0, 0], "not all 0"),
    ],
)
def test_what_are_no_classes(names, counts, words):
    with pytest.raises(ValueError, match=words):
        Classes(names, torch.tensor(counts, dtype=torch.int64))


def test_a_loaded_model_knows_classes_and_no_rows(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = np.repeat(["often", "rare"], [30, 10])
    longtail.train((x, y), recipe="logistic", out=tmp_path / "m")
    counts = json.loads((tmp_path / "m" / "model.json").read_text())["labels"]["counts"]
    found = Model.load(tmp_path / "m").outcome
    assert type(found.classes) is Classes
    assert found.classes.counts.tolist() == counts == [30, 10]
    assert not hasattr(found, "labels")


# A class without an example counts as the rarest that training saw


def test_one_rule_in_losses_weights_adjusters_and_models():
    """Whatever divides by a frequency treats class b as class c, with its 20 rows."""
    as_rarest = torch.tensor([80, 20, 20])
    assert floored(COUNTS.double()).tolist() == as_rarest.tolist()
    z, y = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 0, 2, 2, 1, 0])
    assert torch.equal(BalancedSoftmax(counts=COUNTS)(z, y), BalancedSoftmax(counts=as_rarest)(z, y))
    assert weights.inverse(COUNTS)[1] == weights.inverse(COUNTS)[2]
    bias = PriorShift(CLASSES.prior, unseen="rarest").bias
    assert bias[1] == bias[2]
    shift = Meaning(CLASSES, CLASSES.prior).probabilities(torch.zeros(1, 3), "balanced")[0]
    assert shift[1] == shift[2]
    assert (
        Meaning(CLASSES, CLASSES.prior).probabilities(z)[:, 1].tolist() == [0.0] * 6
    )  # natural: it never comes


def test_adjusting_says_what_it_does_about_such_a_class():
    given = longtail.adjust.Predictions.of([[0.7, 0.1, 0.2]], "probabilities", names=["a", "b", "c"])
    counts = {"a": 80, "b": 0, "c": 20}
    found = api.adjust(given, counts=counts)
    assert found.notes == (
        "class 'b' has no training rows: it counts as the rarest class that training saw (unseen='error' refuses it)",
    )
    same = api.adjust(given, counts={"a": 80, "b": 20, "c": 20})
    np.testing.assert_allclose(found.predictions.logits, same.predictions.logits - np.log(1.2), atol=1e-12)
    with pytest.raises(ValueError, match="prior is 0 for class 1"):
        api.adjust(given, counts=counts, unseen="error")


def test_predicting_says_it_too():
    x = np.random.default_rng(0).normal(size=(40, 2))
    labels = Labels.of([0] * 30 + [2] * 10, names=["a", "b", "c"])
    data = Dataset.of("toy", "embedding", torch.from_numpy(x).float(), labels)
    model = longtail.train(data, recipe="logistic", tuning="holdout")
    notes = api.predict(model, data, prior="balanced", say=lambda note: None).attrs["notes"]
    assert "class 'b' had no training row: it counts as the rarest class that training saw" in notes
