import pytest
import torch

from longtail.augment import AutoAugment, Compose, CropFlip, Cutout, RandAugment
from longtail.bench.plan import Draw, base_stage, design
from longtail.run.loop import batch_starts


def ldam_rate(epoch):
    """adjust_learning_rate of the LDAM-DRW code, written out: k counts epochs from 1."""
    k = epoch + 1
    if k <= 5:
        return 0.1 * k / 5
    if k > 180:
        return 0.1 * 1e-4
    return 0.1 * 1e-2 if k > 160 else 0.1


def test_the_ldam_protocol_is_exact():
    stage = base_stage("ldam", 200, "crop-flip")
    schedule, steps = stage.schedule.build(), len(batch_starts(12_406, stage.batch_size))
    assert steps == 97
    for epoch in range(200):
        for step in (0, steps // 2, steps - 1):
            assert 0.1 * schedule((epoch + step / steps) / 200) == pytest.approx(ldam_rate(epoch), rel=1e-9)
    assert stage.optim.target is torch.optim.SGD
    assert dict(stage.optim.kwargs) == {"lr": 0.1, "momentum": 0.9, "weight_decay": 2e-4}
    assert (stage.batch_size, stage.epochs) == (128, 200)
    assert stage.augment.target is CropFlip
    assert dict(stage.augment.kwargs) == {"pad": 4, "flip": True}


@pytest.mark.parametrize("name, policy", [("autoaugment", AutoAugment), ("randaugment", RandAugment)])
def test_the_modern_protocol(name, policy):
    stage = base_stage("modern", 400, name)
    assert dict(stage.optim.kwargs) == {"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True}
    assert [round(stage.schedule.build()(t), 6) for t in (0, 0.5, 1)] == [1, 0.5, 0]
    built = stage.augment.build()
    assert isinstance(built, Compose)
    assert [type(p) for p in built.parts] == [CropFlip, policy, Cutout]
    assert built.parts[2].size == 16


def test_what_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="protocol='paco' must be one of ldam, modern"):
        base_stage("paco", 200, "crop-flip")
    with pytest.raises(ValueError, match="take protocol 'modern'"):
        base_stage("ldam", 200, "autoaugment")
    with pytest.raises(ValueError, match="there is no 'colour'"):
        design(2, ["colour"])
    with pytest.raises(ValueError, match="seeds=0"):
        design(0)


def test_each_factor_varies_alone():
    found = design(3, ["init", "subset", "order"])
    assert len(set(found)) == len(found) == 3 + 3 * 2
    assert set(found) >= {Draw(2, 0, 0), Draw(0, 2, 0), Draw(0, 0, 2), Draw(2, 2, 2)}
    assert design(3) == (Draw(0, 0, 0), Draw(1, 1, 1), Draw(2, 2, 2))
