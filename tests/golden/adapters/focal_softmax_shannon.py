from golden_cases import Case, with_gradients

from longtail.losses import focal


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    how = p["reduction"]
    loss = focal(z, case.whole("labels"), gamma=p["gamma"], alpha=p["alpha"], reduction=how)
    return with_gradients(loss, logits=z)
