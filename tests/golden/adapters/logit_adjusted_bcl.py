from golden_cases import Case, with_gradients

from longtail.losses import logit_adjusted


def run(case: Case) -> dict:
    z, n = case.leaf("logits"), case.whole("class_counts")
    w = case.number("class_weight")
    loss = logit_adjusted(z, case.whole("labels"), n.double() / n.sum(), tau=case.params["tau"], weight=w)
    return with_gradients(loss, logits=z)
