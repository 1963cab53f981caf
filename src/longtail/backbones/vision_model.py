"""VisionModel: a Hugging Face image encoder as a backbone (ViT, ConvNeXt, DINOv2, Swin, CLIP's and SigLIP's image tower).

Images come in as they are, uint8 of any size; the batch is resized and normalised as the model's preprocessor_config.json
says, in torch, on the training device: no torchvision, and no data set kept at 224 pixels.

Features are what each model was made to give: the class token after the last LayerNorm (ViT, DINOv2, CLIP without its
projection, as Shi et al., "Long-Tail Learning with Foundation Model", ICML 2024), the pooled maps (ConvNeXt, Swin).

Differs from the models' own preprocessing: an image is resized to the input's size at once, not to a larger one first and
then cropped in the middle, so nothing is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from longtail.backbones import hub
from longtail.backbones.lora import add_lora
from longtail.backbones.resnet_cifar import Normalize
from longtail.backbones.text_model import put_weights
from longtail.part import part

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VisionModel(nn.Module):
    """Images ``[N, 3, H, W]`` (uint8 or floats, 0..255) to features ``[N, d]``.

    Args:
        config: JSON of a transformers config.
        side: pixels of the model's square input.
        mean, std: per channel, for pixels in 0..1.
        filter: "bilinear" or "bicubic", antialiased.
        pool: "cls" (first token), "mean" (over the other tokens, or over the map) or "pooler" (the model's own).
        normalise: give each vector length 1?
        rank: of LoRA adapters; 0 has none.

    Raises:
        ImportError: transformers (or, with a rank, peft) is not installed.
        ValueError: an unknown ``pool`` or ``filter``.
    """

    def __init__(
        self,
        config: str,
        side: int = 224,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        filter: str = "bilinear",
        pool: str = "pooler",
        normalise: bool = False,
        rank: int = 0,
    ) -> None:
        super().__init__()
        if pool not in ("cls", "mean", "pooler") or filter not in ("bilinear", "bicubic"):
            raise ValueError(
                f"pool={pool!r} must be cls, mean or pooler, filter={filter!r} bilinear or bicubic"
            )
        check_side(side)
        self.side, self.filter, self.pool, self.normalise = side, filter, pool, normalise
        self.prepare = Normalize(mean, std)
        model = hub.empty_model(config)
        if pool != "pooler":
            hub.drop_pooler(model)
        self.out_features = hub.width_of(model)
        self.model = add_lora(model, rank) if rank else model
        self.spec = part(
            VisionModel, config=config, side=side, mean=tuple(mean), std=tuple(std), filter=filter, pool=pool,
            normalise=normalise, rank=rank,
        )  # fmt: skip

    @classmethod
    def pretrained(
        cls,
        source: str,
        pool: str | None = None,
        normalise: bool = False,
        rank: int = 0,
        download: bool = False,
    ) -> VisionModel:
        """The encoder of a folder or a cached name, with its weights and its preprocessing."""
        loaded, config = hub.pretrained_model(source, "vision", download)
        how = preparation(source, download, getattr(loaded.config, "image_size", None))
        made = cls(config, pool=pool or own_pool(loaded), normalise=normalise, rank=rank, **how)
        put_weights(made.model, loaded.state_dict(), f"hf:{source}")
        return made.eval()

    def forward(self, x: Tensor) -> Tensor:
        out: Any = self.model(pixel_values=self.prepare(resized(x, self.side, self.filter)))
        if self.pool == "pooler":
            features = out.pooler_output.flatten(1)
        else:
            hidden = out.last_hidden_state
            if hidden.dim() == 4:  # maps
                features = hidden.mean((2, 3))
            else:
                features = hidden[:, 0] if self.pool == "cls" else hidden[:, 1:].mean(1)
        return F.normalize(features, dim=-1) if self.normalise else features


def check_side(side: int) -> None:
    """Raise ValueError where images of that many pixels a side would fill the memory."""
    if not 1 <= side <= 8192:
        raise ValueError(f"side={side} must be 1 to 8192 pixels")


def resized(x: Tensor, side: int, filter: str) -> Tensor:
    """Images in 0..255 as floats ``[N, 3, side, side]``.

    >>> import torch
    >>> resized(torch.full((1, 3, 2, 4), 255, dtype=torch.uint8), 3, "bicubic").shape
    torch.Size([1, 3, 3, 3])
    """
    x = x.float()
    if tuple(x.shape[2:]) == (side, side):
        return x
    return F.interpolate(x, (side, side), mode=filter, antialias=True).clamp(0, 255)


def own_pool(model: nn.Module) -> str:
    """What a model was made to give: its pooled output, unless that is a layer on top of the class token (ViT's tanh)."""
    pooler = getattr(model, "pooler", None)
    trained = pooler is not None and next(pooler.parameters(), None) is not None
    return "cls" if trained else "pooler"


def preparation(source: str, download: bool = False, side: Any = None) -> dict[str, Any]:
    """side, mean, std and filter from a model's preprocessor_config.json; ImageNet's where it has none.

    Args:
        side: of the model's config, where the file says nothing.
    """
    said = hub.read_json(source, "preprocessor_config.json", download) or {}
    size = said.get("crop_size") if said.get("do_center_crop") else None
    size = size or said.get("size") or side or 224
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge") or side or 224
    if isinstance(size, list | tuple):
        size = size[0]
    plain = said.get("do_normalize") is False
    return {
        "side": int(size),
        "mean": (0.0, 0.0, 0.0) if plain else tuple(said.get("image_mean") or IMAGENET_MEAN),
        "std": (1.0, 1.0, 1.0) if plain else tuple(said.get("image_std") or IMAGENET_STD),
        "filter": "bicubic" if said.get("resample") == 3 else "bilinear",
    }
