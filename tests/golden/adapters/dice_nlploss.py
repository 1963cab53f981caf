from golden_cases import Case, with_gradients

from longtail.losses import binary_dice, dice


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    if "labels" in case.inputs:
        region = "batch" if p.get("batch_loss") else "sample"
        loss = dice(
            z, case.whole("labels"), smooth=p.get("smooth", 1.0), region=region, reduction=p["reduction"]
        )
    else:
        region = "batch" if p.get("batch_loss") else "sample"
        loss = binary_dice(
            z, case.number("targets"), smooth=p.get("smooth", 1.0), region=region, reduction=p["reduction"]
        )
    return with_gradients(loss, logits=z)
