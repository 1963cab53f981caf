"""A budget that is over stops classical recipes too, and what had finished is kept."""

import torch

from longtail import api
from longtail.data import Dataset
from longtail.labels import Labels


def test_classical_recipes_keep_to_the_budget(tmp_path):
    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 40 + [1] * 20)
    dataset = Dataset.of("toy", "embedding", torch.randn(60, 3, generator=g) + labels.y[:, None], labels)
    how = {"recipes": ["logistic", "random-under+logistic"], "folds": 2, "model": False, "out": tmp_path}
    found = api.compare(dataset, budget=1e-9, **how)
    assert {(r["status"], r["error"]) for r in found.results["runs"]} == {("skipped", "out of time")}
    again = api.compare(dataset, budget=600.0, **how)
    assert {r["status"] for r in again.results["runs"]} == {"done"}
