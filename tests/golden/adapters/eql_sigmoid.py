from golden_cases import Case, with_gradients

from longtail.losses import sigmoid_eql


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    background = p.get("background_label")
    assert background in (None, z.shape[1])  # C, the label we take for background
    loss = sigmoid_eql(
        z, case.whole("labels"), case.number("class_image_frequency"), threshold=p["lambda"],
        background=background is not None,
    )  # fmt: skip
    return with_gradients(loss, logits=z)
