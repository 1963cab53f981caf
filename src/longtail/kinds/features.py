"""Frozen features: a pre-trained backbone as a part of the encoder, so that whatever is trained behind it is trained on
vectors. The backbone's weights are saved with the model.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from longtail.kinds.embedding.encoder import EmbeddingEncoder
from longtail.kinds.image.encoder import ImageEncoder
from longtail.kinds.text.tokens import TokenEncoder
from longtail.kinds.token.pieces import PieceEncoder
from longtail.net import rebuild
from longtail.part import to_json

BATCH = 512


class Numerics(Protocol):
    """Where and in which precision the backbone runs: ``longtail.run.Engine``."""

    @property
    def on(self) -> torch.device: ...
    def autocast(self) -> AbstractContextManager[Any]: ...


@dataclass(frozen=True, eq=False)
class FeatureEncoder:
    """Texts, tokens or images -> float32 ``[N, d]``: ``back(backbone(front(raw)))``.

    Attributes:
        front: raw rows -> what the backbone takes.
        backbone: a module with a ``spec`` and ``out_features``; it is never trained here.
        back: standardises the features by the training rows; None leaves them.
        engine: where the backbone runs; None takes a GPU where there is one. It is no part of what is saved.
    """

    front: TokenEncoder | ImageEncoder | PieceEncoder
    backbone: nn.Module
    back: EmbeddingEncoder | None = None
    engine: Numerics | None = None
    kind: ClassVar[str] = "embedding"

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.front.notes, *(self.back.notes if self.back is not None else ()))

    def followed_by(self, back: EmbeddingEncoder) -> FeatureEncoder:
        """The same with another last step."""
        return replace(self, back=back)

    def running(self, engine: Numerics) -> FeatureEncoder:
        """The same, run by this engine."""
        return replace(self, engine=engine)

    def __call__(self, raw: Any) -> Tensor:
        features = self.features(raw)
        return features if self.back is None else self.back(features)

    def features(self, raw: Any) -> Tensor:
        """What the backbone gives, float32 ``[N, d]``."""
        any_device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        device = any_device if self.engine is None else self.engine.on
        module = self.backbone.eval().to(device)
        out = []
        with torch.no_grad(), nullcontext() if self.engine is None else self.engine.autocast():
            x = self.front(raw)
            for start in range(0, len(x), BATCH):
                out.append(module(x[start : start + BATCH].to(device)).float().cpu())
        return torch.cat(out) if out else torch.zeros(0, self.num_features)

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (self.num_features,)

    @property
    def num_features(self) -> int:
        return int(self.backbone.out_features)  # type: ignore[arg-type]

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        front, arrays = self.front.save()
        tensors = {f"front/{k}": v for k, v in arrays.items()}
        tensors |= {f"backbone/{k}": v for k, v in self.backbone.state_dict().items()}
        facts: dict[str, Any] = {"kind": self.kind, "front": front, "backbone": to_json(self.backbone.spec)}
        if self.back is not None:
            facts["back"], arrays = self.back.save()
            tensors |= {f"back/{k}": v for k, v in arrays.items()}
        return facts, tensors

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> FeatureEncoder:
        def under(name: str) -> dict[str, Tensor]:
            return {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}

        fronts: dict[str, Any] = {cls.kind: cls for cls in (TokenEncoder, ImageEncoder, PieceEncoder)}
        front = fronts[facts["front"]["kind"]].load(facts["front"], under("front/"))
        backbone = rebuild(facts["backbone"], under("backbone/"), "backbone")
        back = EmbeddingEncoder.load(facts["back"], under("back/")) if "back" in facts else None
        return cls(front, backbone.eval(), back)
