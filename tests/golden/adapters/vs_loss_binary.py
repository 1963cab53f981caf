from golden_cases import Case, with_gradients

from longtail.losses import binary_vs


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    delta = (p["Delta_neg"], p["Delta_pos"])
    iota = (-p["iota_neg"], p["iota_pos"])  # the reference subtracts iota from the logit whatever the label
    loss = binary_vs(z, case.number("targets"), delta=delta, iota=iota, scale=30.0)
    return with_gradients(loss, logits=z)
