"""priors: what samplers show is what they draw, and what losses assume is their closed form."""

from __future__ import annotations

import pytest
import torch

from longtail.figures import named
from longtail.samplers import ClassBalanced


@pytest.fixture(scope="module")
def found(subject):
    return named("priors").of(subject).numbers


def test_samplers_show_what_they_draw(subject, found):
    labels = subject.rows.labels
    draw = torch.Generator().manual_seed(0)
    drawn = torch.cat([ClassBalanced()(labels, draw, 0.0) for _ in range(60)])
    seen = torch.bincount(labels.y[drawn], minlength=3) / len(drawn)
    assert found["samplers"]["ClassBalanced"] == pytest.approx(seen.tolist(), abs=0.03)
    assert found["samplers"]["Shuffled"] == pytest.approx([60 / 88, 20 / 88, 8 / 88])


def test_losses_assume_their_closed_form(found):
    p = [60 / 88, 20 / 88, 8 / 88]
    half = [v**0.5 for v in p]
    told = found["losses"]
    assert told["CrossEntropy"] == pytest.approx(p)
    assert told["BalancedSoftmax"] == pytest.approx([1 / 3] * 3)
    assert told["CrossEntropy(weight=inverse)"] == pytest.approx([1 / 3] * 3)
    assert told["LogitAdjusted(tau=0.5)"] == pytest.approx([v / sum(half) for v in half])
    assert {"Focal", "LDAM", "GHMC"} <= set(found["no closed form"])


def test_every_prior_is_one(found):
    for prior in (*found["samplers"].values(), *found["losses"].values()):
        assert sum(prior) == pytest.approx(1)
