"""Crops, cut-outs and policies: what exactly they do, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.augment import (
    AutoAugment,
    CropFlip,
    Cutout,
    RandAugment,
    SimCLRView,
    Views,
    auto_augment,
    rand_augment,
)
from longtail.augment.crop_flip import crop_flip


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_crop_flip_equals_a_loop_over_images() -> None:
    x = torch.randint(256, (40, 3, 9, 7), dtype=torch.uint8, generator=seeded())
    top, left = torch.randint(7, (2, 40), generator=seeded(1))
    flip = torch.rand(40, generator=seeded(2)) < 0.5
    got = crop_flip(x, top, left, flip, pad=3)
    for b in range(40):
        padded = torch.zeros(3, 15, 13, dtype=torch.uint8)
        padded[:, 3:12, 3:10] = x[b]
        want = padded[:, top[b] : top[b] + 9, left[b] : left[b] + 7]
        assert torch.equal(got[b], want.flip(-1) if flip[b] else want)


def test_crop_flip_draws_all_shifts_alike() -> None:
    x = torch.zeros(20_000, 1, 5, 5)
    x[:, 0, 2, 2] = 1
    at = CropFlip(pad=1, flip=True)(x, seeded())[:, 0].flatten(1).argmax(1)
    cells = torch.bincount(at, minlength=25).view(5, 5)
    assert cells.sum() == cells[1:4, 1:4].sum() == 20_000
    assert float((cells[1:4, 1:4] - 20_000 / 9).abs().max()) < 5 * (20_000 / 9) ** 0.5


def test_cutout_is_a_clipped_square_with_a_uniform_centre() -> None:
    x = torch.full((4000, 1, 10, 10), 7.0)
    gone = Cutout(size=4)(x, seeded())[:, 0] == 0
    rows, columns = gone.any(2).sum(1), gone.any(1).sum(1)
    assert torch.equal(gone.sum((1, 2)), rows * columns)  # a rectangle
    assert int(rows.max()) == int(columns.max()) == 4
    assert int(rows.min()) == 2  # centred on the border
    share = gone.float().mean(0)
    assert abs(float(share[5, 5]) - 0.16) < 0.03
    assert abs(float(share[0, 0]) - 0.09) < 0.02  # three rows and columns of centres reach the corner


def test_cutout_is_black_after_normalisation_too() -> None:
    """Black pixels, not the mean: cut out before the net's first layer normalises."""
    from longtail.backbones.resnet_cifar import Normalize

    x = torch.full((4, 3, 8, 8), 200, dtype=torch.uint8)
    gone = Cutout(size=100)(x, seeded())
    assert int(gone.max()) == 0
    assert float(Normalize()(gone).max()) < -1.9


def test_auto_augment_has_the_25_sub_policies_and_their_magnitudes() -> None:
    assert len(auto_augment.POLICY) == 25
    names = auto_augment.NAMES
    plus = torch.ones(1)

    def value(name: str, m: int) -> float:
        return float(auto_augment.value(torch.tensor([names.index(name)]), torch.tensor([m]), plus))

    assert value("shear_x", 9) == pytest.approx(0.3)
    assert value("translate_y", 9) == pytest.approx(150 / 331)
    assert value("rotate", 3) == pytest.approx(10)
    assert value("color", 9) == pytest.approx(1.9)
    assert [value("posterize", m) for m in (0, 9)] == [8, 4]
    assert [value("solarize", m) for m in (0, 9)] == [256, 0]
    tables = {
        "shear_y": np.linspace(0, 0.3, 10), "translate_x": np.linspace(0, 150 / 331, 10),
        "rotate": np.linspace(0, 30, 10), "sharpness": 1 + np.linspace(0, 0.9, 10),
        "posterize": np.round(np.linspace(8, 4, 10)), "solarize": np.linspace(256, 0, 10),
    }  # fmt: skip
    for name, table in tables.items():
        assert [value(name, m) for m in range(10)] == pytest.approx(table.tolist(), abs=1e-4), name
    op = torch.tensor([names.index("rotate"), names.index("brightness"), names.index("translate_x")])
    back = auto_augment.value(op, torch.tensor([9, 9, 9]), -torch.ones(3))
    assert back.tolist() == pytest.approx([30, 0.1, -150 / 331])  # rotations have no sign


def test_auto_augment_uses_its_probabilities() -> None:
    """No sub-policy leaves all images alone, and about as many stay as the table says."""
    x = torch.randint(30, 220, (3000, 3, 24, 24), dtype=torch.uint8, generator=seeded())
    stayed = float((AutoAugment()(x, seeded(1)) == x).flatten(1).all(1).float().mean())
    want = sum((1 - p[1]) * (1 - p[4]) for p in auto_augment.POLICY) / 25
    assert want - 0.03 < stayed < want + 0.06  # colour at magnitude 0 changes nothing


def test_rand_augment_magnitudes_and_probability() -> None:
    def value(name: str, m: float) -> float:
        op = torch.tensor([rand_augment.NAMES.index(name)])
        return float(rand_augment.value(op, torch.tensor([m]), torch.ones(1)))

    assert value("rotate", 10) == pytest.approx(30)
    assert value("contrast", 10) == pytest.approx(1.9)
    assert value("posterize", 10) == 4
    assert value("solarize", 5) == 128
    assert value("solarize_add", 10) == 110
    assert value("translate_x", 10) == pytest.approx(0.45)
    assert [value("posterize", m) for m in (0, 2.4, 2.5, 10)] == [0, 0, 1, 4]  # bits kept
    assert [round(value("color", m), 6) for m in (0, 5, 10)] == [0.1, 1.0, 1.9]
    assert len(rand_augment.NAMES) == 15
    x = torch.randint(30, 220, (3000, 3, 8, 8), dtype=torch.uint8, generator=seeded())
    assert torch.equal(RandAugment(p=0.0)(x, seeded(1)), x)
    stayed = float((RandAugment()(x, seeded(1)) == x).flatten(1).all(1).float().mean())
    assert 0.25 < stayed < 0.35


def test_simclr_without_its_parts_is_a_crop() -> None:
    x = torch.randint(256, (5, 3, 16, 16), dtype=torch.uint8, generator=seeded())
    still = SimCLRView(scale=(1.0, 1.0), p_jitter=0, p_gray=0, p_blur=0, flip=False)
    # The aspect is still drawn, so a full-area crop is cut to the image; a grey one has equal channels.
    assert still(x, seeded()).shape == x.shape
    grey = SimCLRView(p_gray=1.0, p_blur=0, p_jitter=0)(x.float(), seeded())
    torch.testing.assert_close(grey[:, 0], grey[:, 1])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CropFlip(pad=-1), "pad=-1"),
        (lambda: Cutout(size=0), "size=0"),
        (lambda: Cutout(fill=300), "fill=300"),
        (lambda: RandAugment(n=0), "n=0"),
        (lambda: RandAugment(magnitude=11), "magnitude=11"),
        (lambda: RandAugment(p=2), "p=2"),
        (lambda: SimCLRView(scale=(0.5, 0.2)), "scale="),
        (lambda: SimCLRView(p_blur=-1), "p_blur=-1"),
        (lambda: SimCLRView(jitter=(0.4, 0.4, 0.4, 0.9)), "jitter="),
        (lambda: SimCLRView(sigma=(0, 1)), "sigma="),
        (lambda: Views(()), "parts="),
        (lambda: AutoAugment()(torch.zeros(3, 8, 8), seeded()), "x has shape"),
    ],
)
def test_bad_input_names_the_argument(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]
