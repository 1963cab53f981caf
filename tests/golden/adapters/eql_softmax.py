from golden_cases import Case, with_gradients

from longtail.losses import softmax_eql


def run(case: Case) -> dict:
    z, n, p = case.leaf("logits"), case.whole("class_counts"), case.params
    beta = case.whole("beta_mask")
    loss = softmax_eql(z, case.whole("labels"), n, threshold=p["lambda"], gamma=p["gamma"], beta=beta)
    return {"t_lambda": (n < p["lambda"] * n.sum()).long(), **with_gradients(loss, logits=z)}
