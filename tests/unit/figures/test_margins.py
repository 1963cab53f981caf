"""margins: LDAM's by hand, and those of the rows from the head's own weights."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.figures import named
from longtail.recipes import ldam


def test_wanted_and_reached(subject):
    found = named("margins").of(subject, max_margin=0.4).numbers
    assert found["wanted"] == pytest.approx([0.4 * (8 / n) ** 0.25 for n in (60, 20, 8)])
    seen = subject.trained("ldam", lambda base: ldam(base, max_margin=0.4))
    f, w = seen.features.numpy(), seen.net.head.weight.detach().numpy()
    cosine = (f / np.linalg.norm(f, axis=1, keepdims=True)) @ (w / np.linalg.norm(w, axis=1, keepdims=True)).T
    y = seen.examples.labels.y.numpy()
    for c, quarters in enumerate(found["reached"]):
        rows = cosine[y == c]
        margin = rows[:, c] - np.delete(rows, c, 1).max(1)
        assert quarters == pytest.approx(np.quantile(margin, [0.25, 0.5, 0.75]).tolist(), abs=1e-4)


def test_a_margin_is_above_nothing(subject):
    with pytest.raises(ValueError, match="max_margin=0 must be above 0"):
        named("margins").of(subject, max_margin=0.0)
