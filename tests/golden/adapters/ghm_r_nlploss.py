from golden_cases import Case, with_gradients

from longtail.losses import GHMR


def run(case: Case) -> dict:
    p = case.params
    module = GHMR(mu=p["mu"], bins=p["bins"], momentum=p["alpha"], start="first")
    out = []
    for call in case.inputs["calls"]:
        x = case.leaf("pred", call)
        got = with_gradients(module(x, case.number("target", call)), pred=x)
        out.append({**got, "bin_count_ema": module.density.average.clone()})
    return {"calls": out}
