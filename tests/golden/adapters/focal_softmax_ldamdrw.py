import numpy as np
from golden_cases import Case, Deviation, with_gradients

from longtail.losses import focal


def run(case: Case) -> dict:
    z = case.leaf("logits")
    return with_gradients(focal(z, case.whole("labels"), gamma=case.params["gamma"]), logits=z)


def _weight_outside_the_modulator(case: Case) -> None:
    """w_y (1 - p_y)^gamma (-log p_y) over the batch size, with p the plain softmax."""
    z, y, w = np.array(case.inputs["logits"]), case.inputs["labels"], np.array(case.inputs["class_weight"])
    log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
    own = log_p[np.arange(len(y)), y]
    want = np.mean(-w[y] * (1 - np.exp(own)) ** case.params["gamma"] * own)
    got = focal(
        case.leaf("logits"), case.whole("labels"), gamma=case.params["gamma"], weight=w, normalizer="batch"
    ).item()
    assert abs(got - want) < 1e-9 * want
    assert abs(got - case.expected["loss"]) > 1e-6  # they really differ


DEVIATIONS = [
    Deviation(
        when=lambda case: case.inputs.get("class_weight") is not None,
        why="the reference takes p from the weighted loss, so the class weight leaks into the modulator",
        instead=_weight_outside_the_modulator,
    )
]
