import torch
from golden_cases import Case

from longtail.mixing import mamix_weight
from longtail.mixing.draws import blend


def run(case: Case) -> dict:
    n, y, partner = case.whole("class_counts"), case.whole("labels"), case.whole("permutation")
    share = torch.tensor(
        case.params["lambda_x"], dtype=torch.float64
    )  # of the second image, in the reference
    x = case.number("images")
    assert x is not None
    return {
        "lambda_y": mamix_weight(share, n[y], n[y][partner], omega=case.params.get("mamix_ratio", -0.25)),
        "mixed": blend(x, partner, 1 - share),
    }
