"""Hugging Face image encoders on tiny random models, and timm through what its interface promises."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
import torch
from torch import nn

from longtail.backbones import TimmModel, VisionModel
from longtail.backbones.vision_model import preparation, resized
from longtail.part import from_json, to_json

IMAGES = torch.randint(0, 256, (3, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def reference(kind: str, folder: Path) -> torch.Tensor:
    """The library's own model on pixels normalised by hand."""
    import transformers as t

    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ([0.4, 0.5, 0.6], [0.2, 0.3, 0.4]))
    x = (IMAGES.double() / 255 - mean) / std
    if kind == "clip":
        model = t.CLIPModel.from_pretrained(folder).vision_model
    else:
        model = t.AutoModel.from_pretrained(folder)
    with torch.no_grad():
        out = model.eval()(pixel_values=x.float())
    return out.last_hidden_state[:, 0] if kind == "vit" else out.pooler_output


def test_equals_transformers(vision: tuple[str, Path]) -> None:
    kind, folder = vision
    model = VisionModel.pretrained(str(folder))
    with torch.no_grad():
        found = model(IMAGES)
    assert model.out_features == found.shape[1] == 16
    assert torch.allclose(found, reference(kind, folder), atol=1e-4)


def test_resized_on_the_batch(vision: tuple[str, Path]) -> None:
    _, folder = vision
    model = VisionModel.pretrained(str(folder))
    flat = IMAGES[:, :, :1, :1]
    with torch.no_grad():  # a constant image stays one at any size
        assert torch.allclose(model(flat.expand(3, 3, 5, 9)), model(flat.expand(3, 3, 16, 16)), atol=1e-4)


@pytest.mark.parametrize("filter", ["bilinear", "bicubic"])
@pytest.mark.parametrize("side", [7, 40])
def test_resizing_is_pillows(filter: str, side: int) -> None:
    """Pillow is what the models' own processors use; it rounds to whole levels after each of its two passes."""
    import numpy as np
    from PIL import Image

    kinds = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    calm = IMAGES // 4 + 96  # far from 0 and 255: Pillow cuts overshoot off between its passes too
    assert float(resized(IMAGES, side, filter).min()) >= 0
    assert float(resized(IMAGES, side, filter).max()) <= 255
    for image, ours in zip(calm, resized(calm, side, filter)):
        wanted = Image.fromarray(image.permute(1, 2, 0).numpy()).resize((side, side), kinds[filter])
        assert (ours.permute(1, 2, 0) - torch.from_numpy(np.array(wanted)).float()).abs().max() < 1.5


def test_rebuilt_from_its_spec_with_adapters(vision: tuple[str, Path]) -> None:
    kind, folder = vision
    plain, model = VisionModel.pretrained(str(folder)), VisionModel.pretrained(str(folder), rank=2)
    again = from_json(json.loads(json.dumps(to_json(model.spec))), slot="backbone").build()
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.allclose(plain(IMAGES), model(IMAGES), atol=1e-5), kind  # B is zero
        assert model(IMAGES).equal(again.eval()(IMAGES))
    assert any("lora_" in name for name, _ in model.named_parameters())


def test_mean_pooling_leaves_the_class_token_out(vision: tuple[str, Path]) -> None:
    _, folder = vision
    with torch.no_grad():
        mean = VisionModel.pretrained(str(folder), pool="mean")(IMAGES)
    assert mean.shape == (3, 16)
    assert mean.isfinite().all()


def test_preparation_reads_the_usual_forms(tmp_path: Path) -> None:
    def said(**facts: object) -> dict[str, object]:
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(facts))
        return preparation(str(tmp_path), side=20)

    assert said(size=224)["side"] == 224
    assert said(size={"height": 32, "width": 32})["side"] == 32
    assert said(size={"shortest_edge": 40}, crop_size=36, do_center_crop=True)["side"] == 36
    assert said()["side"] == 20
    assert said(do_normalize=False)["std"] == (1.0, 1.0, 1.0)
    assert said(resample=3)["filter"] == "bicubic"


def test_timm_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match=r"needs timm: pip install \"longtail\[vision\]\""):
        TimmModel.pretrained("resnet18")


@pytest.mark.parametrize("broken", ["operator torchvision::nms does not exist", "undefined symbol"])
def test_timm_with_a_torchvision_that_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str
) -> None:
    (tmp_path / "timm.py").write_text(f"raise RuntimeError({broken!r})")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(ImportError, match="torchvision was built for another torch"):
        TimmModel.pretrained("resnet18")


def test_timm_whose_torchvision_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "timm.py").write_text("import torchvision_that_is_not_there")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(ImportError, match="needs torchvision_that_is_not_there"):
        TimmModel.pretrained("resnet18")


class Small(nn.Module):
    """What timm.create_model(..., num_classes=0) gives: features, and their number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc, self.num_features = nn.Conv2d(3, 4, 8, 8), nn.Linear(4, 6), 6

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x).mean((2, 3)))


def test_timm_through_its_interface(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With a stand-in for the library: weights, preprocessing and the rebuilt model are ours to get right."""
    from safetensors.torch import save_file

    about = types.SimpleNamespace(
        input_size=(3, 8, 8),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        interpolation="bilinear",
        hf_hub_id=None,
    )

    def create(name: str, pretrained: bool, num_classes: int) -> Small:
        assert not pretrained, "nothing may be downloaded"
        assert num_classes == 0
        if name != "small":
            raise RuntimeError(f"Unknown model ({name})")
        return Small()

    stand_in = types.ModuleType("timm")
    stand_in.create_model, stand_in.get_pretrained_cfg = create, lambda name: about  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", stand_in)
    with pytest.raises(ValueError, match=r"weights=FILE\.safetensors"):
        TimmModel.pretrained("small")
    with pytest.raises(ValueError, match="Unknown model"):
        TimmModel("other")
    wanted = Small()
    save_file(wanted.state_dict(), tmp_path / "w.safetensors")
    model = TimmModel.pretrained("small", str(tmp_path / "w.safetensors"), rank=2)
    again = from_json(json.loads(json.dumps(to_json(model.spec))), slot="backbone").build()
    again.load_state_dict(model.state_dict())
    images = IMAGES[:, :, :8, :8]
    with torch.no_grad():
        assert torch.allclose(model(images), wanted(images.float() / 127.5 - 1), atol=1e-5)
        assert model(images).equal(again.eval()(images))
