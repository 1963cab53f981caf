"""Tiny randomly initialised Hugging Face models, written to disk as save_pretrained writes the real ones."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch

CHARACTERS = string.ascii_lowercase + string.digits + ".,!'" + "好吃喝不味道很错差脏虫"


def bert(folder: Path, **sizes: int) -> Path:
    """BERT of width 16 with a tokenizer of single characters."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *CHARACTERS, *("##" + c for c in CHARACTERS)]
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    BertTokenizerFast.from_pretrained(folder, model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64, initializer_range=0.3, **sizes,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def vision(folder: Path, kind: str) -> Path:
    """ViT, ConvNeXt, DINOv2 or CLIP (both towers) of width 16, for images of 16 pixels."""
    import transformers as t

    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 16}
    torch.manual_seed(0)
    if kind == "vit":
        model = t.ViTModel(t.ViTConfig(**small, patch_size=8, intermediate_size=32, initializer_range=0.3))
    elif kind == "dinov2":
        model = t.Dinov2Model(t.Dinov2Config(**small, patch_size=8, mlp_ratio=2, initializer_range=0.3))
    elif kind == "convnext":
        model = t.ConvNextModel(t.ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, image_size=16,
                                                 initializer_range=0.3))  # fmt: skip
    else:
        text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 30,
                "intermediate_size": 32}  # fmt: skip
        model = t.CLIPModel(
            t.CLIPConfig(text_config=text, vision_config={**small, "patch_size": 8, "intermediate_size": 32})
        )
    model.save_pretrained(folder)
    preprocessing = {
        "do_center_crop": True, "crop_size": {"height": 16, "width": 16}, "size": {"shortest_edge": 18},
        "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4], "resample": 3,
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), encoding="utf-8")
    return folder
