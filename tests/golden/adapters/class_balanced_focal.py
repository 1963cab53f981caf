import numpy as np
import torch
from golden_cases import Case, Deviation, assert_same, with_gradients

from longtail.losses import sigmoid_focal
from longtail.weights import effective_number


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    w = effective_number(case.whole("class_counts"), beta=p["beta"])
    loss = sigmoid_focal(z, case.whole("labels"), gamma=p["gamma"], weight=w, normalizer="batch")
    return {"class_weight": w, **with_gradients(loss, logits=z)}


def _not_finite(case: Case) -> bool:
    return "nan" in str(case.expected["grad_logits"]) or "inf" in str(case.expected["grad_logits"])


def _finite_where_theirs_is_not(case: Case) -> None:
    """Theirs wherever that is finite; at the saturated elements a finite gradient that is 0 to rounding."""
    got, want = run(case), dict(case.expected)
    theirs = np.array(want.pop("grad_logits"), dtype=object).astype(np.float64)
    ours, fine = got.pop("grad_logits"), torch.tensor(np.isfinite(theirs))
    assert_same(got, want, 1e-9, str(case))
    assert_same(ours[fine], theirs[np.isfinite(theirs)].tolist(), 1e-9, str(case))
    assert bool((ours[~fine].abs() < 1e-6).all())


DEVIATIONS = [
    Deviation(
        when=_not_finite,
        why="with gamma < 1 the reference's gradient is inf * 0 = NaN once a sigmoid saturates",
        instead=_finite_where_theirs_is_not,
    )
]
