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
        if target.dim() < z.dim():  # class indices; one out of range is a row without a positive
            target = target.unsqueeze(1) == torch.arange(z.shape[1])
        mask = case.number("label_weight", call) > 0
        mask = mask if mask.dim() == z.dim() else mask.unsqueeze(1)
        got = with_gradients(module(z, target.to(z.dtype), mask), pred=z)
        out.append({**got, "acc_sum": module.density.average.clone()})
    return {"calls": out}
