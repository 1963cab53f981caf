from golden_cases import Case, with_gradients

from longtail.losses import cross_entropy
from longtail.weights import effective_number


def run(case: Case) -> dict:
    z = case.leaf("logits")
    w = effective_number(case.whole("class_counts"), beta=case.params["beta"])
    loss = cross_entropy(z, case.whole("labels"), weight=w, normalizer="weights")
    return {"class_weight": w, **with_gradients(loss, logits=z)}
