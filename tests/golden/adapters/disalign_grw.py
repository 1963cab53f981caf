from golden_cases import Case, with_gradients

from longtail.losses import generalized_reweighting, reweighting_of


def run(case: Case) -> dict:
    z, n, rho = case.leaf("logits"), case.number("class_counts"), case.params["exp_scale"]
    loss = generalized_reweighting(z, case.whole("labels"), n, rho=rho, normalizer="weights")
    return {"class_weight": reweighting_of(n, rho), **with_gradients(loss, logits=z)}
