"""reliability against a count by hand, and a true model lies on the diagonal."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.figures import named
from longtail.figures.reliability import even_bins
from longtail.figures.subject import groups_of


def test_groups_are_of_the_decided_class(subject):
    found = named("reliability").of(subject).numbers["groups"]
    judged = subject.judged()
    sure, decided = judged.probabilities.max(1)
    right = (decided == judged.labels.y).double()
    for name, index in groups_of(subject.classes).items():
        rows = torch.isin(decided, index)
        if name in found:
            assert found[name]["decided"] == int(rows.sum())
            mean = np.average(found[name]["accuracy"], weights=found[name]["rows"])
            assert mean == pytest.approx(float(right[rows].mean()))
            mean = np.average(found[name]["confidence"], weights=found[name]["rows"])
            assert mean == pytest.approx(float(sure[rows].double().mean()))
    assert sum(f["decided"] for f in found.values()) == 88


def test_a_true_model_lies_on_the_diagonal():
    draw = torch.Generator().manual_seed(0)
    sure = 0.3 + 0.7 * torch.rand(20_000, generator=draw)
    found = even_bins(sure, torch.rand(20_000, generator=draw) < sure)
    assert found["accuracy"] == pytest.approx(found["confidence"], abs=0.03)
    assert found["rows"] == [2500.0] * 8


def test_each_row_is_judged_by_a_model_that_did_not_see_it(two):
    """Of another model than that of all rows: what they say differs."""
    judged, seen = two.judged(), two.trained()
    assert judged.logits.shape == seen.logits.shape
    assert not torch.allclose(judged.logits, seen.logits)
    assert torch.allclose(judged.probabilities, torch.softmax(judged.logits, 1), atol=1e-5)
