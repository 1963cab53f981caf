from golden_cases import Case, with_gradients

from longtail.losses import Seesaw


def run(case: Case) -> dict:
    p = case.params
    loss = Seesaw(num_classes=p["num_classes"], p=p["p"], q=p["q"], eps=p["eps"])
    loss.seen += case.whole("cum_samples_before")
    calls = []
    for call in case.inputs["calls"]:
        z = case.leaf("logits", call)
        out = with_gradients(loss(z, case.whole("labels", call)), logits=z)
        calls.append({**out, "cum_samples_after": loss.seen.double()})
    return {"calls": calls}
