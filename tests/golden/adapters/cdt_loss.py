from golden_cases import Case, with_gradients

from longtail.losses import cdt
from longtail.losses.vs import class_scale


def run(case: Case) -> dict:
    z, n, gamma = case.leaf("logits"), case.whole("class_counts"), case.params["gamma"]
    loss = cdt(z, case.whole("labels"), n, gamma=gamma, weight=case.number("class_weight"))
    return {"temperature": 1 / class_scale(n.double(), gamma), **with_gradients(loss, logits=z)}
