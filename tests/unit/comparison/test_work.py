"""What a process of a comparison does: fitted on held-out rows by one training, used by another."""

import torch

from longtail import api, recipes
from longtail.comparison.plan import Plan
from longtail.comparison.work import Worker


def test_a_refitted_model_is_calibrated_for_itself(tmp_path):
    """After four epochs LDAM has not learnt every class, and each training leaves out another: the inner model's biases
    put the refitted one's decisions at chance (balanced accuracy .10; the inner model itself had .70).
    """
    plan = Plan(api.load("digits-lt"), (("erm", recipes.erm), ("ldam", recipes.ldam)), folds=3, epochs=4)
    worker = Worker(plan, tmp_path)
    prepared = plan.prepare(0)
    encoder, outcome, trained = worker.fit(prepared, "ldam", 0)
    assert len(trained) == 2
    assert outcome.prior_source == "fitted"
    test = prepared.encode(encoder, prepared.test_rows)
    right = outcome.predict(test.x, prior="balanced") == test.labels.y
    recall = torch.stack([right[test.labels.y == c].float().mean() for c in range(10)])
    assert recall.mean() > 0.5
