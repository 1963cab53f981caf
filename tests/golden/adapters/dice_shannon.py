import numpy as np
import torch
from golden_cases import Case, Deviation, with_gradients

from longtail.losses import binary_dsc, dsc


def _binary(case: Case) -> bool:
    return "targets" in case.inputs


def _arguments(case: Case) -> dict:
    return {
        "alpha": case.params["alpha"],
        "smooth": case.params["smooth"],
        "squared": case.params["square_denominator"],
    }


def run(case: Case) -> dict:
    z, reduction = case.leaf("logits"), case.params["reduction"]
    if not _binary(case):
        loss = dsc(z, case.whole("labels"), classes="sum", reduction=reduction, **_arguments(case))
    else:
        mask = case.number("mask")
        loss = binary_dsc(z, case.number("targets"), mask=mask, region="batch", **_arguments(case))
    return with_gradients(loss, logits=z)


def _each_example_by_itself(case: Case) -> None:
    """The same formula with numerator and denominator of one example, as the paper has it."""
    z, y, p = np.array(case.inputs["logits"]), case.inputs["labels"], case.params
    prob = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
    rest = np.array([[row[np.arange(len(row)) != c].sum() for c in range(len(row))] for row in prob])
    q, t, s = rest ** p["alpha"] * prob, np.eye(z.shape[1])[y], p["smooth"]
    power = 2 if p["square_denominator"] else 1
    rows = (1 - (2 * q * t + s) / (q**power + t**power + s)).sum(1)
    want = {"mean": rows.mean(), "sum": rows.sum(), "none": rows}[p["reduction"]]
    got = dsc(case.leaf("logits"), case.whole("labels"), reduction=p["reduction"], **_arguments(case))
    assert got.requires_grad
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-9, atol=1e-15)
    assert np.isfinite(torch.autograd.grad(got.sum(), got, allow_unused=True)[0].numpy()).all()


def _hardest_negatives(case: Case) -> None:
    """All positives and exactly floor(ratio * positives) negatives, those with the largest logits."""
    z, t, p = np.array(case.inputs["logits"]).ravel(), np.array(case.inputs["targets"]).ravel(), case.params
    m = np.array(case.inputs["mask"]).ravel() > 0 if "mask" in case.inputs else np.ones(len(t), bool)
    negatives = sorted(np.flatnonzero((t <= 0.5) & m), key=lambda i: -z[i])
    kept = negatives[: int((t[m] > 0.5).sum() * p["ohem_ratio"])] + list(np.flatnonzero((t > 0.5) & m))
    prob = 1 / (1 + np.exp(-z[kept]))
    q, y, power = (1 - prob) ** p["alpha"] * prob, t[kept], 2 if p["square_denominator"] else 1
    want = 1 - (2 * (q * y).sum() + p["smooth"]) / ((q**power).sum() + (y**power).sum() + p["smooth"])
    got = binary_dsc(
        case.leaf("logits"), case.number("targets"), mask=case.number("mask"), region="batch",
        hard_negatives=p["ohem_ratio"], **_arguments(case),
    )  # fmt: skip
    assert abs(got.item() - want) < 1e-9


DEVIATIONS = [
    Deviation(
        when=lambda case: not _binary(case) and not case.params["square_denominator"],
        why="the reference divides a per-sample numerator by a batch-wide denominator (a shape bug); the "
        "squared form, where it does not, is matched",
        instead=_each_example_by_itself,
    ),
    Deviation(
        when=lambda case: not _binary(case) and 0 < case.params["alpha"] < 1 and _saturated(case),
        why="the reference computes 1 - p, of which no digit is left where p rounds to 1; its gradient is NaN",
        instead=_each_example_by_itself,
    ),
    Deviation(
        when=lambda case: _binary(case) and case.params.get("ohem_ratio", 0) > 0,
        why="the reference keeps two hard negatives fewer than it should",
        instead=_hardest_negatives,
    ),
]


def _saturated(case: Case) -> bool:
    top = case.number("logits").sort(1).values
    return bool((top[:, -1] - top[:, -2]).max() > 15)
