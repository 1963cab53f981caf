from golden_cases import Case, with_gradients

from longtail.losses import cross_entropy


def run(case: Case) -> dict:
    z = case.leaf("logits")
    w = case.number("class_weight")
    return with_gradients(cross_entropy(z, case.whole("labels"), weight=w, normalizer="weights"), logits=z)
