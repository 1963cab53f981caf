from golden_cases import Case, with_gradients

from longtail.losses import balanced_softmax


def run(case: Case) -> dict:
    z = case.leaf("logits")
    how = case.params.get("reduction", "mean")
    loss = balanced_softmax(z, case.whole("labels"), case.whole("class_counts"), reduction=how)
    return with_gradients(loss, logits=z)
