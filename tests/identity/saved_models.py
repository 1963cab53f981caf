"""Small saved models that later versions must load: one of each kind of data and encoder, with what they predicted.

They were written by version 0.1.0, before parts had names of the form ``room/Name``. Nothing makes them again: a model
that is on somebody's disk does not change either. To add one of a later version, name it here and run

    python tests/identity/saved_models.py NAME

Each is a zip in ``models/`` of a model folder and of ``asked.json``: raw rows, and the probabilities for them.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

FOLDER = Path(__file__).parent / "models"
PRIORS = ("natural", "balanced")
SIZES = (20, 9, 5)
NEED_TRANSFORMERS = ("tokens", "frozen-text", "fine-tuned-image")


def classes() -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(len(SIZES)), torch.tensor(SIZES))


def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def rows(asked: dict[str, Any]) -> Any:
    """Raw rows as ``Model.predict_proba`` takes them, from JSON."""
    kind, values = asked["kind"], asked["rows"]
    if kind == "table":
        import pandas as pd

        return pd.DataFrame(values)
    if kind == "image":
        return torch.tensor(values, dtype=torch.uint8)
    if kind == "embedding":
        return torch.tensor(values, dtype=torch.float32)
    if kind == "sparse":
        from scipy.sparse import csr_matrix

        return csr_matrix(values)
    return values


def table_rows() -> list[dict[str, Any]]:
    noise = torch.randn(len(classes()), generator=draw())
    return [
        {
            "size": None if i % 11 == 5 else round(float(noise[i]) + y, 2),
            "colour": ("red", "green", "blue")[(y + (i % 4 == 0)) % 3],
            "day": f"2024-{1 + (i + y) % 12:02d}-{1 + i % 28:02d}",
        }
        for i, y in enumerate(classes().tolist())
    ]


def text_rows() -> list[str]:
    words = (("go", "do"), ("no", "go"), ("bad", "no"))
    return [words[y][i % 3 == 0] for i, y in enumerate(classes().tolist())]


def image_rows() -> list[Any]:
    y = classes()
    x = torch.randint(60, (len(y), 3, 8, 8), generator=draw())
    for c, (row, column) in enumerate(((0, 0), (0, 5), (5, 2))):
        x[y == c, :, row : row + 3, column : column + 3] += 150
    return x.tolist()


def point_rows() -> list[list[float]]:
    y = classes()
    x = torch.randn(len(y), 2, generator=draw()) + y[:, None] * torch.tensor([1.5, -1.0])
    return [[round(v, 3) for v in row] for row in x.tolist()]


def sparse_rows() -> list[list[float]]:
    return [[max(0.0, v) for v in row] for row in point_rows()]


def bert(folder: Path) -> str:
    """BERT of width 4 with a tokenizer of single letters."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += [*"abdefgilmnou'", *("##" + c for c in "abdefgilmnou'")]
    (folder / "vocab.txt").write_text("\n".join(pieces), encoding="utf-8")
    BertTokenizerFast.from_pretrained(folder, model_max_length=16).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=16, initializer_range=0.5,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return str(folder)


def vit(folder: Path) -> str:
    """ViT of width 4, for images of 8 pixels."""
    import transformers as t

    torch.manual_seed(0)
    t.ViTModel(
        t.ViTConfig(
            hidden_size=4, num_hidden_layers=1, num_attention_heads=1, image_size=8, patch_size=4,
            intermediate_size=4, initializer_range=0.5,
        )
    ).save_pretrained(folder)  # fmt: skip
    preparing = {
        "size": {"height": 8, "width": 8},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "resample": 2,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preparing), encoding="utf-8")
    return str(folder)


def mlp(folder: Path) -> Any:
    from longtail.backbones import MLP
    from longtail.part import part

    return part(MLP, num_features=9, width=4, depth=1)


def plain(folder: Path) -> str:
    return "linear"


def default(folder: Path) -> None:
    return None


MODELS: dict[str, tuple[str, Callable[[], Any], str, Callable[[Path], Any]]] = {
    "table": ("table", table_rows, "erm", mlp),
    "text": ("text", text_rows, "erm", default),
    "image": ("image", image_rows, "erm", default),
    "embedding": ("embedding", point_rows, "erm", plain),
    "sparse": ("sparse", sparse_rows, "erm", default),
    "tokens": ("text", text_rows, "erm", lambda f: f"hf:{bert(f)},tune=full"),
    "frozen-text": ("text", text_rows, "erm", lambda f: f"hf:{bert(f)}"),
    "fine-tuned-image": ("image", image_rows, "erm", lambda f: f"hf:{vit(f)},tune=full"),
    "adjuster": ("embedding", point_rows, "logit-adjustment", plain),
    "calibrator": ("embedding", point_rows, "ldam", plain),
}
"""Kind of data, rows, recipe, backbone. The calibrator's model has thresholds, too."""


def make(name: str) -> None:
    import longtail
    from longtail.run import Engine

    kind, raw, recipe, backbone = MODELS[name]
    asked: dict[str, Any] = {"kind": kind, "rows": raw()}
    with tempfile.TemporaryDirectory() as made, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        source, folder = Path(made) / "source", Path(made) / "model"
        source.mkdir()
        model = longtail.train(
            (rows(asked), classes().tolist()), recipe=recipe, backbone=backbone(source), epochs=30,
            engine=Engine(device="cpu"), kind="text" if kind == "sparse" else kind,
        )  # fmt: skip
        if name == "image":
            few(model)
        asked["rows"] = asked["rows"][::4]
        asked["probabilities"] = {p: model.predict_proba(rows(asked), p).tolist() for p in PRIORS}
        asked["classes"] = {p: model.predict(rows(asked), p) for p in PRIORS}
        model.save(folder)
        FOLDER.mkdir(exist_ok=True)
        with zipfile.ZipFile(FOLDER / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("asked.json", json.dumps(asked))
            for file in sorted(folder.iterdir()):
                out.write(file, file.name)


def few(model: Any) -> None:
    """Keep one weight in 128 of the smallest ResNet, so that its 300 kB pack into a few."""
    with torch.no_grad():
        for p in model.outcome.net.backbone.parameters():
            if p.dim() == 4:
                kept = torch.arange(p.numel()).view(p.shape) % 128 == 0
                p.copy_(torch.where(kept, 4 * p, 0.0))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        make(name)
        print(name, (FOLDER / f"{name}.zip").stat().st_size)
