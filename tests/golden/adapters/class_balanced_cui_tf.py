from golden_cases import Case, with_gradients

from longtail.losses import cross_entropy, sigmoid_focal
from longtail.weights import effective_number


def run(case: Case) -> dict:
    z, y, p = case.leaf("logits"), case.whole("labels"), case.params
    w = effective_number(case.whole("class_counts"), beta=p["beta"])
    if p["loss_type"] == "softmax":
        loss = cross_entropy(z, y, weight=w, normalizer="batch")
    else:
        gamma = p["gamma"] if p["loss_type"] == "focal" else 0.0
        loss = sigmoid_focal(z, y, gamma=gamma, weight=w, normalizer="batch")
    return {"class_weight": w, **with_gradients(loss, logits=z)}


def rtol(case: Case) -> float:
    return 1e-6 if case.params["loss_type"] == "softmax" else 1e-9  # tf.losses computes in float32
