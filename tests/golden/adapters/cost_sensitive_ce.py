from golden_cases import Case, with_gradients

from longtail.losses import cross_entropy
from longtail.weights import cost_sensitive


def run(case: Case) -> dict:
    z = case.leaf("logits")
    w = cost_sensitive(case.whole("class_counts"), gamma=case.params["gamma"])
    loss = cross_entropy(z, case.whole("labels"), weight=w, normalizer="weights")  # PyTorch's mean
    return {"class_weight": w, **with_gradients(loss, logits=z)}
