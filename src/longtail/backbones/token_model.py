"""TokenModel: a Hugging Face text encoder as a backbone for tags: places in texts to one vector each.

The vector of a word is that of its first piece (Devlin et al., "BERT", NAACL 2019, section 5.3). The texts that a batch
stands in are read whole, each once, so all tokens of one sentence cost as much as one of them.

Rebuilt from its config alone, as :class:`longtail.backbones.text_model.TextModel` is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from longtail.backbones import hub
from longtail.backbones.lora import add_lora
from longtail.backbones.text_model import BUCKET, buckets, put_weights
from longtail.inputs import PlacedTokens, TokenRows
from longtail.part import part


class TokenModel(nn.Module):
    """:class:`PlacedTokens` ``[N]`` to features ``[N, d]``.

    Args:
        config: JSON of a transformers config.
        normalise: give each vector length 1?
        rank: of LoRA adapters; 0 has none.
        pad: the id that fills up; the mask hides it.

    Raises:
        ImportError: transformers (or, with a rank, peft) is not installed.
    """

    def __init__(self, config: str, normalise: bool = False, rank: int = 0, pad: int = 0) -> None:
        super().__init__()
        self.normalise, self.pad = normalise, pad
        model = hub.empty_model(config)
        hub.drop_pooler(model)
        self.out_features = hub.width_of(model)
        self.model = add_lora(model, rank) if rank else model
        self.spec = part(TokenModel, config=config, normalise=normalise, rank=rank, pad=pad)

    @classmethod
    def pretrained(
        cls,
        source: str,
        pool: str | None = None,
        normalise: bool | None = None,
        rank: int = 0,
        download: bool = False,
    ) -> TokenModel:
        """The encoder of a folder or a cached name, with its weights.

        Raises:
            ValueError: a ``pool``, which texts have and words have not.
        """
        if pool is not None:
            raise ValueError(
                f"backbone hf:{source}: pool={pool!r} is for texts; a word has one vector: leave it out"
            )
        loaded, config = hub.pretrained_model(source, "text", download)
        pad = getattr(loaded.config, "pad_token_id", None) or 0
        made = cls(config, bool(normalise), rank, int(pad))
        put_weights(made.model, loaded.state_dict(), f"hf:{source}")
        return made.eval()

    def forward(self, x: PlacedTokens) -> Tensor:
        texts, row = x.read()
        if self.training or len(texts) * texts.shape[1] <= BUCKET:
            features = self._hidden(texts)[row, x.place]
        else:
            order = texts.lengths.argsort(stable=True)
            features = torch.empty(len(x), self.out_features, device=x.device)
            for some in buckets(texts.lengths[order], order):
                number = torch.full((len(texts),), -1, device=x.device)
                number[some] = torch.arange(len(some), device=x.device)
                here = (number[row] >= 0).nonzero().flatten()
                found = self._hidden(texts[some])[number[row[here]], x.place[here]]
                features = features.to(found.dtype).index_copy(0, here, found)
        return F.normalize(features, dim=-1) if self.normalise else features

    def _hidden(self, texts: TokenRows) -> Tensor:
        """The last layer, ``[T, longest, d]``."""
        ids, mask = texts.padded(self.pad)
        out: Any = self.model(input_ids=ids, attention_mask=mask.long())
        return out.last_hidden_state
