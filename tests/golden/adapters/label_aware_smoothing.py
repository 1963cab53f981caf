from golden_cases import Case, with_gradients

from longtail.losses import label_aware_smoothing, smoothing_per_class


def run(case: Case) -> dict:
    z, n, p = case.leaf("logits"), case.whole("class_counts"), case.params
    shape = {"exp": "power"}.get(p["shape"], p["shape"])
    how = {"head": p["smooth_head"], "tail": p["smooth_tail"], "shape": shape}
    if p.get("power") is not None:
        how["power"] = p["power"]
    loss = label_aware_smoothing(z, case.whole("labels"), n, **how, spread="all")
    return {"smooth": smoothing_per_class(n.double(), **how), **with_gradients(loss, logits=z)}
