from math import log

from golden_cases import Case, with_gradients

from longtail.losses import weighted_bce

BOUND = log(
    (1 - 1e-6) / 1e-6
)  # the reference clamps p to [1e-6, 1 - 1e-6]: a clamp of the logits, which we leave to you


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    loss = weighted_bce(
        z.clamp(-BOUND, BOUND), case.number("targets"), positive_weight=p["weight"], reduction=p["reduction"],
        normalizer="elements", label_smoothing=0.02,  # and it clamps the targets to [0.01, 0.99]
    )  # fmt: skip
    return with_gradients(loss, logits=z)
