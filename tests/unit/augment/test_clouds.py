"""Foregrounds from class activation maps, and feature clouds."""

from __future__ import annotations

import pytest
import torch

from longtail.augment import FeatureCloud, activation_maps, move_foreground
from longtail.augment.feature_cloud import spread
from longtail.labels import Labels
from longtail.samplers import Complement


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_maps_find_the_class() -> None:
    features = torch.zeros(2, 3, 4, 4)
    features[0, 1, 0, 0] = features[1, 2, 3, 3] = 5.0
    maps = activation_maps(features, torch.eye(3), torch.tensor([1, 2]), (8, 8))
    assert [int(m.argmax()) for m in maps] == [0, 63]
    assert float(maps.min()) == 0
    empty = activation_maps(torch.zeros(1, 3, 4, 4), torch.eye(3), torch.tensor([0]), (8, 8))
    assert bool(empty.isfinite().all())


def test_the_foreground_moves_and_the_background_stays() -> None:
    x = torch.zeros(300, 1, 12, 12, dtype=torch.uint8)
    x[:, :, 2:5, 1:5] = 200
    maps = (x[:, 0] > 0).float()
    new = move_foreground(x, maps, seeded())
    assert new.dtype == torch.uint8
    assert bool((new[maps[:, None] > 0] == 200).all())  # originals are kept where nothing is pasted
    assert set(new.unique().tolist()) == {0, 200}
    added = ((new > 0).flatten(1).sum(1) - 12).float()
    assert int(added.max()) == 12  # moved clear of itself, or mirrored
    mirrored = (new[:, 0, 2:5, 7:11] > 0).flatten(1).all(1).float().mean()
    assert 0.25 < float(mirrored) < 0.45  # a third, and some moves
    assert torch.equal(new, move_foreground(x, maps, seeded()))
    with pytest.raises(ValueError, match="maps has shape"):
        move_foreground(x, maps[:, :5], seeded())


def test_complement_fills_every_class_up() -> None:
    labels = Labels.of([0] * 50 + [1] * 20 + [2] * 4, num_classes=4)
    union = torch.cat([torch.arange(74), Complement()(labels, seeded())])
    assert torch.bincount(labels.y[union], minlength=4).tolist() == [54, 54, 54, 0]
    assert Complement(threshold=30).counts(labels).tolist() == [0, 30, 30, 0]
    with pytest.raises(ValueError, match="threshold=0"):
        Complement(threshold=0)


def test_spread_turns_by_the_angle_and_keeps_the_norm() -> None:
    f, c = torch.randn(50, 8, generator=seeded()).double(), torch.randn(50, 8, generator=seeded(1)).double()
    alpha = torch.randn(50, generator=seeded(2)).double() * 0.2

    def angle(v: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.cosine_similarity(v, c).acos()

    got = spread(f, c, alpha)
    torch.testing.assert_close(got.norm(dim=1), f.norm(dim=1))
    torch.testing.assert_close(angle(got), angle(f) + alpha)
    torch.testing.assert_close(spread(f, c, alpha * 0), f)
    torch.testing.assert_close(spread(c, c, alpha), c)  # no plane to turn in


@pytest.mark.parametrize("head", [50, None])
def test_a_cloud_has_the_head_s_spread(head: int | None) -> None:
    """A wide head class and a narrow tail class: after the cloud, the tail's angles vary as the target says."""
    center = torch.zeros(2, 16)
    center[0, 0] = center[1, 1] = 1
    y = torch.tensor([0, 1]).repeat(2000)
    width = torch.tensor([0.3, 0.02])[y]
    direction = torch.nn.functional.normalize(
        torch.randn(4000, 16, generator=seeded()) * (center[y] == 0), dim=1
    )
    theta = 1.0 + width * torch.randn(4000, generator=seeded(1))
    f = torch.cos(theta)[:, None] * center[y] + torch.sin(theta)[:, None] * direction
    cloud = FeatureCloud(torch.tensor([100, 5]), feature_dim=16, head=head, memory=2000)
    out = cloud(f, y, seeded(2))
    angle = torch.nn.functional.cosine_similarity(out, cloud.centers[y]).clamp(-1, 1).acos()
    variances = cloud.variances()
    target = float(variances[0]) if head else float(variances.mean())
    assert float(angle[y == 1].var()) == pytest.approx(target, rel=0.15)
    torch.testing.assert_close(out[y == 0], f[y == 0], atol=1e-5, rtol=1e-5)
    assert torch.equal(cloud.eval()(f, y, seeded()), f)


def test_a_cloud_waits_for_two_angles_and_lets_gradients_through() -> None:
    cloud = FeatureCloud(torch.tensor([9, 3]), feature_dim=4)
    f = torch.rand(2, 4, requires_grad=True)
    out = cloud(f, torch.tensor([0, 1]), seeded())
    torch.testing.assert_close(out, f)
    out.sum().backward()
    assert bool(f.grad.isfinite().all())  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="head=10"):
        FeatureCloud(torch.tensor([9, 3]), feature_dim=4, head=10)
    with pytest.raises(ValueError, match="memory=1"):
        FeatureCloud(torch.tensor([9, 3]), feature_dim=4, memory=1)
