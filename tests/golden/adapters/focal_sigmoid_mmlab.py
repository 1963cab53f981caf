from golden_cases import Case, with_gradients

from longtail.losses import sigmoid_focal


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    target = case.whole("labels") if "labels" in case.inputs else case.number("targets")
    assert target is not None
    if target.is_floating_point():
        target = target.reshape(z.shape)
    factor = p.get("avg_factor", case.inputs.get("avg_factor"))
    if isinstance(factor, str) or (factor is None and "avg_factor_npos" in case.name):
        factor = float(target.sum()) if target.is_floating_point() else len(target)
    reduction = "sum" if factor is not None else p["reduction"]
    loss = sigmoid_focal(
        z, target, gamma=p["gamma"], alpha=p["alpha"], reduction=reduction, normalizer="elements"
    )
    return with_gradients(loss if factor is None else loss / factor, logits=z)
