import torch
from golden_cases import Case, Deviation, with_gradients

from longtail.losses import asl


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    loss = asl(
        z,
        case.number("targets"),
        gamma_neg=p["gamma_neg"],
        gamma_pos=p["gamma_pos"],
        clip=p["clip"],
        reduction="sum",
        detach=True,
    )
    return with_gradients(loss, logits=z)


def one_question_per_class(case: Case) -> None:
    """Class indices are several labels of which one is there."""
    z, y = case.leaf("logits"), case.whole("labels")
    hot = torch.nn.functional.one_hot(y, z.shape[1]).to(z)
    torch.testing.assert_close(asl(z, y), asl(z, hot), rtol=1e-12, atol=0)


DEVIATIONS = [
    Deviation(
        when=lambda case: case.name == "single_label",
        why="a softmax whose columns are focused one by one, which no paper describes; of one class per row our "
        "loss asks one question per class",
        instead=one_question_per_class,
    )
]
