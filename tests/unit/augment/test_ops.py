"""Operations against Pillow, which the published policies are made of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch import Tensor

from longtail.augment import ops


def photo(seed: int, size: int = 32) -> np.ndarray:
    """A smooth random picture with some texture, uint8 ``[H, W, 3]``."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    fine = np.asarray(coarse).astype(int) + rng.integers(-20, 21, (size, size, 3))
    return fine.clip(10, 240).astype(np.uint8)


PHOTOS = [photo(s) for s in range(6)]
BATCH = torch.tensor(np.stack(PHOTOS)).permute(0, 3, 1, 2).float()


def pillow(function: object) -> Tensor:
    made = [np.asarray(function(Image.fromarray(p))) for p in PHOTOS]  # type: ignore[operator]
    return torch.tensor(np.stack(made)).permute(0, 3, 1, 2).float()


def shifted(image: Image.Image, matrix: tuple) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, matrix, fillcolor=(128,) * 3)


@pytest.mark.parametrize("value", [0.1, 0.5, 1.0, 1.9])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (ops.brightness, ImageEnhance.Brightness), (ops.color, ImageEnhance.Color),
        (ops.contrast, ImageEnhance.Contrast), (ops.sharpness, ImageEnhance.Sharpness),
    ],
)  # fmt: skip
def test_enhancers(ours: ops.Op, theirs: type, value: float) -> None:
    want = pillow(lambda image: theirs(image).enhance(value))
    got = ours(BATCH, torch.full((len(BATCH),), value))
    assert float((got - want).abs().max()) <= 1.6  # Pillow rounds in between


@pytest.mark.parametrize(
    ("ours", "value", "theirs", "tolerance"),
    [
        (ops.invert, 0, ImageOps.invert, 0),
        (ops.posterize, 3, lambda image: ImageOps.posterize(image, 3), 0),
        (ops.posterize, 8, lambda image: ImageOps.posterize(image, 8), 0),
        (ops.solarize, 100, lambda image: ImageOps.solarize(image, 100), 0),
        (ops.autocontrast, 0, ImageOps.autocontrast, 1.0),
        (ops.equalize, 0, ImageOps.equalize, 0),
        (ops.rotate, 90, lambda image: image.rotate(90), 0.01),
        (ops.translate_x, 0.25, lambda image: shifted(image, (1, 0, 8, 0, 1, 0)), 0.01),
        (ops.translate_y, -0.25, lambda image: shifted(image, (1, 0, 0, 0, 1, -8)), 0.01),
    ],
)  # fmt: skip
def test_exact_operations(ours: ops.Op, value: float, theirs: object, tolerance: float) -> None:
    got = ours(BATCH, torch.full((len(BATCH),), float(value)))
    assert float((got - pillow(theirs)).abs().max()) <= tolerance


@pytest.mark.parametrize(
    ("ours", "value", "matrix"),
    [
        (ops.shear_x, 0.3, (1, 0.3, 0, 0, 1, 0)),
        (ops.shear_y, -0.2, (1, 0, 0, -0.2, 1, 0)),
        (ops.rotate, 30.0, None),
    ],
)
def test_interpolated_operations(ours: ops.Op, value: float, matrix: tuple | None) -> None:
    def theirs(image: Image.Image) -> Image.Image:
        bilinear, grey = Image.Resampling.BILINEAR, (128,) * 3
        if matrix is None:
            return image.rotate(value, bilinear, fillcolor=grey)
        return image.transform(image.size, Image.Transform.AFFINE, matrix, bilinear, fillcolor=grey)

    difference = (ours(BATCH, torch.full((len(BATCH),), value)) - pillow(theirs)).abs()
    assert float(difference.quantile(0.9)) <= 1.0  # the rest lies on the border, where Pillow does not blend
    assert float(difference.mean()) < 2.0


def test_blur_and_hue() -> None:
    got = ops.blur(BATCH, torch.full((len(BATCH),), 1.0))
    want = pillow(lambda image: image.filter(ImageFilter.GaussianBlur(1.0)))
    assert float((got - want)[:, :, 4:-4, 4:-4].abs().mean()) < 1.5  # Pillow's is three box blurs
    none = torch.zeros(len(BATCH))
    torch.testing.assert_close(ops.hue(BATCH, none), BATCH, atol=1e-3, rtol=0)
    third = ops.hue(BATCH, none + 1 / 3)
    torch.testing.assert_close(third, BATCH[:, [2, 0, 1]], atol=1e-2, rtol=0)  # red becomes green


def test_each_image_has_its_own_operation_and_value() -> None:
    which, value = torch.tensor([0, -1, 1, 0, 1, -1]), torch.tensor([0.5, 9.0, 100.0, 2.0, 200.0, 9.0])
    got = ops.at_each(BATCH, which, [ops.brightness, ops.solarize], value)
    for b, (k, v) in enumerate(zip(which.tolist(), value.tolist())):
        want = (
            BATCH[b : b + 1]
            if k < 0
            else [ops.brightness, ops.solarize][k](BATCH[b : b + 1], torch.tensor([v]))
        )
        assert torch.equal(got[b : b + 1], want)
