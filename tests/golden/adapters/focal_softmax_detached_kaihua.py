from golden_cases import Case, with_gradients

from longtail.losses import focal


def run(case: Case) -> dict:
    z = case.leaf("logits")
    return with_gradients(focal(z, case.whole("labels"), gamma=case.params["gamma"], detach=True), logits=z)
