from golden_cases import Case, with_gradients

from longtail.losses import vs
from longtail.losses.vs import class_scale


def run(case: Case) -> dict:
    z, n, p = case.leaf("logits"), case.whole("class_counts"), case.params
    loss = vs(z, case.whole("labels"), n, gamma=p["gamma"], tau=p["tau"], weight=case.number("class_weight"))
    iota = p["tau"] * (n.double() / n.sum()).log()
    return {
        "iota": iota,
        "Delta_divisor": 1 / class_scale(n.double(), p["gamma"]),
        **with_gradients(loss, logits=z),
    }
