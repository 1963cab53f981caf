from golden_cases import Case, with_gradients

from longtail.losses import cross_entropy


def run(case: Case) -> dict:
    z = case.leaf("logits")
    return with_gradients(
        cross_entropy(z, case.whole("labels"), weight=case.number("class_weight")), logits=z
    )
