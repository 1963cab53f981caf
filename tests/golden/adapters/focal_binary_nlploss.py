import torch
from golden_cases import Case, Deviation, with_gradients

from longtail.losses import sigmoid_focal

CLAMP = 13.8  # the reference clamps p to [1e-6, 1 - 1e-6], |z| up to log(1e6)


def run(case: Case) -> dict:
    z = case.leaf("logits")
    loss = sigmoid_focal(z.squeeze(1), case.whole("labels"), gamma=case.params["gamma"], detach=True)
    return with_gradients(loss, logits=z)


def _textbook(case: Case) -> None:
    """-(1 - p)^gamma log p on positives, -p^gamma log(1 - p) on negatives, and its gradient.

    With ``detach=True`` the elements that the reference does not clamp have its gradient, negatives up to alpha.
    """
    z, y, gamma = case.leaf("logits"), case.whole("labels"), case.params["gamma"]
    got = with_gradients(sigmoid_focal(z.squeeze(1), y, gamma=gamma), logits=z)
    s = torch.where(y == 1, z.squeeze(1), -z.squeeze(1))
    want = (torch.sigmoid(-s) ** gamma * torch.nn.functional.softplus(-s, threshold=700)).mean()
    torch.testing.assert_close(got["loss"], want, rtol=1e-9, atol=0)
    torch.testing.assert_close(got["grad_logits"], torch.autograd.grad(want, z)[0], rtol=1e-8, atol=1e-12)
    inside = z.detach().abs() < CLAMP
    theirs = torch.tensor(case.expected["grad_logits"], dtype=torch.float64)
    alpha = torch.where(y == 1, 1.0, float(case.params["alpha"])).double().unsqueeze(1)
    detached = run(case)["grad_logits"] * alpha
    torch.testing.assert_close(detached[inside], theirs[inside], rtol=1e-9, atol=1e-13)


DEVIATIONS = [
    Deviation(
        when=lambda case: case.params["alpha"] != 1 or abs(case.number("logits")).max() > CLAMP,
        why="the reference multiplies the negatives by alpha (the paper: positives by alpha, negatives by 1 - "
        "alpha), and its clamp on p takes the gradient away beyond |z| = 13.8",
        instead=_textbook,
    )
]
