"""TextModel: a Hugging Face text encoder as a backbone: rows of tokens to one vector a text.

The class token, the mean over the tokens (Reimers & Gurevych, "Sentence-BERT", EMNLP 2019), the last token, or the
model's own pooling layer. A batch is padded to its own longest text; in evaluation it is first split into buckets of
similar length, so that a long text costs its own padding and nobody else's; the order comes back as it was.

Rebuilt from its config alone, so that a saved model needs neither the hub nor a folder, and runs no code of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.backbones import hub
from longtail.backbones.lora import add_lora
from longtail.inputs import TokenRows
from longtail.part import part

BUCKET = 8192
"""Tokens, padding included, that one forward in evaluation reads at most (one text may be longer)."""


class TextModel(nn.Module):
    """:class:`TokenRows` ``[N]`` to features ``[N, d]``.

    Args:
        config: JSON of a transformers config.
        pool: "cls" (first token), "mean", "last" or "pooler".
        normalise: give each vector length 1?
        rank: of LoRA adapters; 0 has none.
        pad: the id that fills up; the mask hides it.

    Raises:
        ImportError: transformers (or, with a rank, peft) is not installed.
        ValueError: an unknown ``pool``.
    """

    def __init__(
        self, config: str, pool: str = "cls", normalise: bool = False, rank: int = 0, pad: int = 0
    ) -> None:
        super().__init__()
        if pool not in ("cls", "mean", "last", "pooler"):
            raise ValueError(f"pool={pool!r} must be cls, mean, last or pooler")
        self.pool, self.normalise, self.pad = pool, normalise, pad
        model = hub.empty_model(config)
        if pool != "pooler":
            hub.drop_pooler(model)
        self.out_features = hub.width_of(model)
        self.model = add_lora(model, rank) if rank else model
        self.spec = part(TextModel, config=config, pool=pool, normalise=normalise, rank=rank, pad=pad)

    @classmethod
    def pretrained(
        cls,
        source: str,
        pool: str | None = None,
        normalise: bool | None = None,
        rank: int = 0,
        download: bool = False,
        frozen: bool = False,
    ) -> TextModel:
        """The encoder of a folder or a cached name, with its weights."""
        loaded, config = hub.pretrained_model(source, "text", download)
        said_pool, said_normalise = sentence_settings(source, download)
        chosen = pool or said_pool or ("mean" if frozen else "cls")
        unit = said_normalise if normalise is None else normalise
        pad = getattr(loaded.config, "pad_token_id", None) or 0
        made = cls(config, chosen, unit, rank, int(pad))
        put_weights(made.model, loaded.state_dict(), f"hf:{source}")
        return made.eval()

    def forward(self, x: TokenRows) -> Tensor:
        if self.training or len(x) * x.shape[1] <= BUCKET:
            return self._pooled(x)
        order = x.lengths.argsort(stable=True)
        pieces = [self._pooled(x[rows]) for rows in buckets(x.lengths[order], order)]
        return torch.cat(pieces)[order.argsort()]

    def _pooled(self, x: TokenRows) -> Tensor:
        ids, mask = x.padded(self.pad)
        out: Any = self.model(input_ids=ids, attention_mask=mask.long())
        if self.pool == "pooler":
            if getattr(out, "pooler_output", None) is None:
                raise ValueError("pool=pooler: this model has no pooling layer; use cls or mean")
            features = out.pooler_output
        else:
            features = pooled(out.last_hidden_state, mask, self.pool)
        return F.normalize(features, dim=-1) if self.normalise else features


def pooled(hidden: Tensor, mask: Tensor, pool: str) -> Tensor:
    """One vector a text from ``hidden [N, L, d]`` and ``mask [N, L]``: the first token, the mean or the last one.

    >>> pooled(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]), "mean").tolist()
    [[2.0]]
    """
    if pool == "cls":
        return hidden[:, 0]
    if pool == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(1) - 1]
    weight = mask.to(hidden.dtype)
    return torch.einsum("nld,nl->nd", hidden, weight) / weight.sum(1, keepdim=True)


def buckets(lengths: Tensor, order: Tensor, limit: int = BUCKET) -> list[Tensor]:
    """``order`` cut into runs whose padded size (rows times longest) stays within ``limit``; ``lengths`` ascend.

    >>> [b.tolist() for b in buckets(torch.tensor([1, 2, 9]), torch.tensor([2, 0, 1]), limit=10)]
    [[2, 0], [1]]
    """
    runs, start = [], 0
    sizes = lengths.tolist()
    for end in range(1, len(sizes) + 1):
        if end == len(sizes) or (end + 1 - start) * sizes[end] > limit:
            runs.append(order[start:end])
            start = end
    return runs


def put_weights(model: nn.Module, weights: dict[str, Tensor], source: str) -> None:
    """Load the weights of a plain model into one that may hold adapters and lack a pooler.

    Raises:
        ValueError: weights that the model needs are missing.
    """
    at = {name.replace(".base_layer", ""): name for name in model.state_dict()}
    found = {at[name]: value for name, value in weights.items() if name in at}
    missing = [k for k in model.load_state_dict(found, strict=False).missing_keys if "lora_" not in k]
    if missing:
        raise ValueError(f"backbone {source}: no weights for {', '.join(missing[:3])}")


def sentence_settings(source: str, download: bool = False) -> tuple[str | None, bool]:
    """What a sentence-transformers folder says: how it pools, and whether it normalises; (None, False) for any other."""
    pooling = hub.read_json(source, "1_Pooling/config.json", download) or {}
    modules = hub.read_json(source, "modules.json", download) or []
    named = {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_lasttoken": "last",
    }
    mode = pooling.get("pooling_mode")
    chosen = next((pool for key, pool in named.items() if pooling.get(key)), None)
    if isinstance(mode, str):
        chosen = {"cls": "cls", "mean": "mean", "lasttoken": "last"}.get(mode, chosen)
    return chosen, any(str(m.get("type", "")).endswith("Normalize") for m in modules)
