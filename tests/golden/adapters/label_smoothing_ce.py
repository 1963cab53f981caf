from golden_cases import Case, with_gradients

from longtail.losses import cross_entropy


def run(case: Case) -> dict:
    z = case.leaf("logits")
    loss = cross_entropy(z, case.whole("labels"), label_smoothing=case.params["epsilon"])
    return with_gradients(loss, logits=z)
