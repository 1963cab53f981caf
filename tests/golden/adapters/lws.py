import torch
from golden_cases import Case
from torch.nn import functional as F

from longtail.heads import Linear, Scaled

ELSEWHERE = {"trainable": "what is trained is the stage's choice: trains=('head.scale',)"}


def run(case: Case) -> dict:
    weight = case.number("weight")
    c, d = weight.shape
    head = Scaled(d, c, Linear(d, c)).double()
    values = {"scale": case.number("scales"), "inner.weight": weight, "inner.bias": case.number("bias")}
    head.load_state_dict(values)
    logits = head(case.number("features"))
    loss = F.cross_entropy(logits, case.whole("labels_for_ce"))
    (gradient,) = torch.autograd.grad(loss, head.scale)
    return {"logits": logits, "ce_loss": loss, "grad_scales": gradient}
