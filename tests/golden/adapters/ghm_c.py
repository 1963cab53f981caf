import torch
from golden_cases import Case, with_gradients

from longtail.losses import GHMC


def run(case: Case) -> dict:
    p = case.params
    module = GHMC(bins=p["bins"], momentum=p["momentum"], start="zero")
    out = []
    for call in case.inputs["calls"]:
        z = case.leaf("pred", call)
        target = torch.tensor(call["target"])
        target = target if target.dim() < z.dim() else target.to(z.dtype)
        mask = case.number("label_weight", call) > 0
        mask = mask if mask.dim() == z.dim() else mask.unsqueeze(1)
        got = with_gradients(module(z, target, mask), pred=z)
        out.append({**got, "acc_sum": module.density.average.clone()})
    return {"calls": out}
