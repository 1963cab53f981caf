"""TimmModel: an image encoder of the timm library as a backbone; images are resized and normalised as its config says.

timm imports torchvision, which must fit the installed torch; where it does not, the message says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from longtail.backbones.lora import add_lora
from longtail.backbones.resnet_cifar import Normalize
from longtail.backbones.text_model import put_weights
from longtail.backbones.vision_model import IMAGENET_MEAN, IMAGENET_STD, check_side, resized
from longtail.part import part


class TimmModel(nn.Module):
    """Images ``[N, 3, H, W]`` (uint8 or floats, 0..255) to features ``[N, d]``.

    Args:
        name: of the model, as ``timm.list_models`` gives it.
        side, mean, std, filter: as in :class:`longtail.backbones.VisionModel`.
        rank: of LoRA adapters; 0 has none.

    Raises:
        ImportError: timm is not installed, or it or its torchvision does not work with this torch.
        ValueError: no model of that name.
    """

    def __init__(
        self,
        name: str,
        side: int = 224,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        filter: str = "bicubic",
        rank: int = 0,
    ) -> None:
        super().__init__()
        if not re.fullmatch(r"[A-Za-z0-9_.]+", name):  # timm takes "hf-hub:..." and "local-dir:..." too
            raise ValueError(
                f"backbone timm:{name}: a name as timm.list_models() gives it, no place to read it from"
            )
        check_side(side)
        timm = timm_of(name)
        try:
            model = timm.create_model(name, pretrained=False, num_classes=0)
        except RuntimeError as why:
            raise ValueError(f"backbone timm:{name}: {why}; timm.list_models() names them") from why
        self.side, self.filter, self.prepare = side, filter, Normalize(mean, std)
        self.out_features = int(getattr(model, "head_hidden_size", None) or model.num_features)
        self.model = add_lora(model, rank) if rank else model
        self.spec = part(
            TimmModel, name=name, side=side, mean=tuple(mean), std=tuple(std), filter=filter, rank=rank
        )

    @classmethod
    def pretrained(
        cls, name: str, weights: str | None = None, rank: int = 0, download: bool = False
    ) -> TimmModel:
        """The model with the weights of a safetensors file, or its pre-trained ones from the cache.

        Raises:
            ValueError: no such file, or nothing in the cache and ``download`` is False.
        """
        timm = timm_of(name)
        try:
            about = timm.get_pretrained_cfg(name)
        except RuntimeError as why:
            raise ValueError(f"backbone timm:{name}: {why}; timm.list_models() names them") from why
        file = Path(weights) if weights else _cached(name, about, download)
        if file.suffix != ".safetensors" or not file.is_file():
            raise ValueError(
                f"backbone timm:{name}: weights={str(file)!r} must be a safetensors file that exists"
            )
        size = tuple(about.input_size)[-1] if about is not None else 224
        made = cls(
            name,
            size,
            tuple(about.mean) if about is not None else IMAGENET_MEAN,
            tuple(about.std) if about is not None else IMAGENET_STD,
            "bicubic" if about is None or about.interpolation == "bicubic" else "bilinear",
            rank,
        )
        from safetensors.torch import load_file

        put_weights(made.model, load_file(file), f"timm:{name}")
        return made.eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.model(self.prepare(resized(x, self.side, self.filter)))


def timm_of(name: str) -> Any:
    """The timm library.

    Raises:
        ImportError: it is absent, or broken by a torchvision that does not fit torch; both say what to do.
    """
    try:
        import timm
    except ModuleNotFoundError as why:
        missing = (why.name or "timm").split(".")[0]
        raise ImportError(
            f'backbone timm:{name} needs {missing}: pip install "longtail[vision]"; hf: backbones do without torchvision'
        ) from why
    except Exception as why:  # a torchvision built for another torch fails in many ways
        raise ImportError(
            f"backbone timm:{name}: timm is installed but does not load ({type(why).__name__}: {why}). Most often "
            "torchvision was built for another torch: install the torchvision that fits yours, or use an hf: backbone"
        ) from why
    return timm


def _cached(name: str, about: Any, download: bool) -> Path:
    try:
        from huggingface_hub import hf_hub_download

        if about is None or not about.hf_hub_id:
            raise ValueError("it has no weights on the hub")
        return Path(hf_hub_download(about.hf_hub_id, "model.safetensors", local_files_only=not download))
    except (ImportError, OSError, ValueError) as why:
        raise ValueError(
            f"backbone timm:{name}: no pre-trained weights on this machine ({str(why).splitlines()[0]}). Give "
            "weights=FILE.safetensors, or add download=yes to allow the hub"
        ) from why
