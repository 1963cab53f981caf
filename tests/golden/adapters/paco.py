import torch
from golden_cases import Case, Deviation, assert_same, with_gradients
from torch import Tensor

from longtail.losses import paco


def run(case: Case) -> dict:
    f, z, p = case.leaf("features"), case.leaf("sup_logits"), case.params
    n = case.number("class_counts")
    assert n is not None
    loss = paco(
        f, case.whole("labels"), z, n / n.sum() + 1e-9,  # the reference's epsilon
        alpha=p["alpha"], beta=p["beta"], gamma=p["gamma"], temperature=p["temperature"],
        base_temperature=p["base_temperature"], class_temperature=p["supt"],
    )  # fmt: skip
    return with_gradients(loss, features=f, sup_logits=z)


def _scaled_sums(case: Case, f: Tensor, z: Tensor) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Of each query: logits of centres and items, the largest (itself included), the sum scaled by it."""
    n, p = case.number("class_counts"), case.params
    out = []
    for i in range(len(z)):
        centre = (z[i] + torch.log(n / n.sum() + 1e-9)) / p["supt"]
        item = f @ f[i] / p["temperature"]
        top = torch.cat([centre, item]).max().detach()
        rest = torch.arange(len(f)) != i
        total = (centre - top).exp().sum() + p["gamma"] * (item[rest] - top).exp().sum()
        out.append((centre, item, top, total))
    return out


def _slowly(case: Case, epsilon: float) -> dict:
    f, z, p, y = case.leaf("features"), case.leaf("sup_logits"), case.params, case.inputs["labels"]
    losses = []
    for i, (centre, item, top, total) in enumerate(_scaled_sums(case, f, z)):
        log_total = top + torch.log(total + epsilon)
        pulls = [p["beta"] * (centre[y[i]] - log_total)]
        pulls += [p["alpha"] * (item[k] - log_total) for k in range(len(f)) if k != i and y[k] == y[i]]
        losses.append(-torch.stack(pulls).sum() / (p["beta"] + p["alpha"] * (len(pulls) - 1)))
    loss = torch.stack(losses).mean() * p["temperature"] / p["base_temperature"]
    return with_gradients(loss, features=f, sup_logits=z)


def _epsilon_matters(case: Case) -> bool:
    sums = _scaled_sums(case, case.leaf("features"), case.leaf("sup_logits"))
    return min(total.item() for *_, total in sums) < 1e-2


def _without_the_epsilon(case: Case) -> None:
    """With the epsilon a slow version gives the reference's numbers, without it ours."""
    assert_same(_slowly(case, 1e-12), case.expected, 1e-9, str(case))
    exact = {key: value.tolist() for key, value in _slowly(case, 0.0).items()}
    assert_same(run(case), exact, 1e-9, str(case))


DEVIATIONS = [
    Deviation(
        when=_epsilon_matters,
        why="the reference adds 1e-12 to a sum of exponentials scaled by the query's similarity to itself, which is "
        "not in the sum: at a low temperature that is not negligible; ours is a logsumexp",
        instead=_without_the_epsilon,
    )
]
