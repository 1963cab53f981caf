from golden_cases import Case

from longtail.adjust import PriorShift


def run(case: Case) -> dict:
    counts, p = case.number("class_counts"), case.params
    adjuster = PriorShift(counts / counts.sum(), tau=p["tau"], eps=p["eps"])
    adjusted = adjuster(case.number("logits"))
    return {"adjusted_logits": adjusted, "pred": adjusted.argmax(1)}
