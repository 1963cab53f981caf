import torch
from golden_cases import Case
from torch.nn import functional as F

from longtail.heads import Aligned


def run(case: Case) -> dict:
    c, d = case.number("weight").shape
    head = Aligned(d, c, form="released").double()
    head.load_state_dict(
        {
            "inner.weight": case.number("weight"),
            "inner.bias": case.number("bias"),
            "logit_scale": case.number("logit_scale").flatten(),
            "logit_bias": case.number("logit_bias").flatten(),
            "confidence.weight": case.number("confidence_weight"),
            "confidence.bias": case.number("confidence_bias"),
        }
    )
    logits = head(case.number("features"))
    loss = F.cross_entropy(logits, case.whole("labels_for_ce"))
    gate = head.confidence
    scale, bias, weight, offset = torch.autograd.grad(
        loss, [head.logit_scale, head.logit_bias, gate.weight, gate.bias]
    )
    return {
        "logits": logits,
        "ce_loss": loss,
        "grad_logit_scale": scale.unsqueeze(0),  # theirs are [1, C]
        "grad_logit_bias": bias.unsqueeze(0),
        "grad_confidence_weight": weight,
        "grad_confidence_bias": offset,
    }
