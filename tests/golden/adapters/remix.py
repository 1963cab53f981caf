import torch
from golden_cases import Case
from torch.nn.functional import cross_entropy

from longtail.mixing import remix_weight
from longtail.mixing.draws import blend

ELSEWHERE = {
    "bagoftricks_loss_with_scalar_criterion": "that port weights losses already averaged over the batch: "
    "pairs swap weights; loss_per_sample_then_mean is the paper's"
}


def run(case: Case) -> dict:
    n, y, partner = case.whole("class_counts"), case.whole("labels"), case.whole("permutation")
    p, lam = case.params, torch.tensor(case.params["lambda_x"], dtype=torch.float64)
    weight = remix_weight(lam, n[y], n[y][partner], kappa=p.get("kappa", 3.0), tau=p.get("tau", 0.5))
    x, w = case.number("images_as_features"), case.number("classifier_weight")
    assert x is not None
    assert w is not None
    mixed = blend(x, partner, lam)
    logits = (mixed @ w.T).requires_grad_()
    loss = weight * cross_entropy(logits, y, reduction="none")
    loss = (loss + (1 - weight) * cross_entropy(logits, y[partner], reduction="none")).mean()
    return {
        "lambda_y": weight,
        "mixed": mixed,
        "loss_per_sample_then_mean": loss,
        "grad_logits": torch.autograd.grad(loss, logits)[0],
        "bagoftricks_lambda_list": weight,
    }
