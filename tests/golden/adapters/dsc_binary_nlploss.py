import numpy as np
from golden_cases import Case, Deviation

from longtail.losses import binary_dsc


def _paper(case: Case) -> None:
    """Each example 1 - (2 q t + s) / (q + t + s), q of the positive class; every term lies in [0, 1]."""
    z, y, p = np.array(case.inputs["logits"])[:, 1], np.array(case.inputs["labels"]), case.params
    prob = 1 / (1 + np.exp(-z))
    q, s = (1 / (1 + np.exp(z))) ** p["alpha"] * prob, p["smooth"]
    want = [1 - (2 * q[i] * y[i] + s) / (q[i] + y[i] + s) for i in range(len(y))]
    got = binary_dsc(
        case.leaf("logits")[:, 1], case.whole("labels"), alpha=p["alpha"], smooth=s, reduction="none"
    ).detach()
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-9, atol=1e-15)
    assert bool(((got >= 0) & (got <= 1)).all())


DEVIATIONS = [
    Deviation(
        when=lambda case: True,
        why="the reference gives negatives a negative loss -w / (w + s), so more error is less loss",
        instead=_paper,
    )
]
