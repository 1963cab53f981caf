from golden_cases import Case, with_gradients

from longtail.losses import sigmoid_focal
from longtail.weights import cost_sensitive


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    deferred = p.get("drw", False) and p["epoch"] > p["START_EPOCH"]  # epochs count from 1
    w = cost_sensitive(case.whole("class_counts")) if deferred else None
    loss = sigmoid_focal(z, case.whole("labels"), gamma=p["gamma"], weight=w, normalizer="batch")
    return {"class_weight": w, **with_gradients(loss, logits=z)}
