import torch
from golden_cases import Case, with_gradients

from longtail.losses import GHMC


def run(case: Case) -> dict:
    p = case.params
    module = GHMC(bins=p["bins"], momentum=p["alpha"], start="first")
    out = []
    for call in case.inputs["calls"]:
        z = case.leaf("pred", call)
        target = torch.tensor(call["target"])
        target = target if target.dim() < z.dim() else target.to(z.dtype)
        got = with_gradients(module(z, target), pred=z)
        out.append({**got, "bin_count_ema": module.density.average.clone()})
    return {"calls": out}
