import torch
from golden_cases import Case, with_gradients

from longtail.losses import logit_adjusted

ELSEWHERE = {"posthoc_adjusted_logits": "an adjuster, not a loss: logit_adjustment_posthoc.json holds it"}


def run(case: Case) -> dict:
    z, n = case.leaf("logits"), case.whole("class_counts")
    prior = case.number("base_probs")
    prior = n.double() / n.sum() if prior is None else prior
    tau, eps = case.params["tau"], case.params["eps"]
    assert torch.allclose(prior, n.double() / n.sum())
    return with_gradients(logit_adjusted(z, case.whole("labels"), prior, tau=tau, eps=eps), logits=z)
