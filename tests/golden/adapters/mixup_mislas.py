import torch
from golden_cases import Case, with_gradients
from torch.nn.functional import cross_entropy

from longtail.mixing.draws import blend


def run(case: Case) -> dict:
    y, partner, lam = case.whole("labels"), case.whole("permutation"), case.params["lambda"]
    x, z = case.number("images"), case.leaf("logits_of_mixed")
    assert x is not None
    loss = lam * cross_entropy(z, y) + (1 - lam) * cross_entropy(z, y[partner])
    return {
        "mixed": blend(x, partner, torch.tensor(lam, dtype=torch.float64)),
        **with_gradients(loss, logits=z),
    }
