from golden_cases import Case, with_gradients

from longtail.losses import influence_balanced
from longtail.weights import inverse


def run(case: Case) -> dict:
    z, f, w = case.leaf("logits"), case.leaf("features"), inverse(case.whole("class_counts"))
    loss = influence_balanced(z, case.whole("labels"), f, alpha=case.params["alpha"], weight=w)
    return {"class_weight": w, **with_gradients(loss, logits=z, features=f)}
