"""Net: a backbone (inputs -> features) and a head (features -> logits). Long-tail methods treat the two differently."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """``head(backbone(x))``.

    The head tells its sizes as ``nn.Linear`` does: ``in_features`` and ``out_features``.

    >>> net = Net(nn.Flatten(), nn.Linear(4, 3))
    >>> net(torch.zeros(2, 2, 2)).shape
    torch.Size([2, 3])
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        for name in ("in_features", "out_features"):
            if not isinstance(getattr(head, name, None), int):
                raise TypeError(f"head {type(head).__name__} must have an integer {name!r}, as nn.Linear has")
        self.backbone = backbone
        self.head = head

    def forward(self, x: Any) -> Tensor:
        return self.head(self.backbone(x))

    @property
    def feature_dim(self) -> int:
        return int(self.head.in_features)  # type: ignore[arg-type]

    @property
    def num_classes(self) -> int:
        return int(self.head.out_features)  # type: ignore[arg-type]

    def with_head(self, head: nn.Module) -> Net:
        """The same backbone (shared, not copied) under another head."""
        return Net(self.backbone, head)

    @classmethod
    def split(cls, model: nn.Module, head: str, example: Any = None) -> Net:
        """Cut your own model in two at the submodule named ``head``, its last layer (``"fc"``, ``"classifier.2"``).

        The model is copied, not changed. Given an ``example`` input, the split is checked to give the same logits.

        Raises:
            ValueError: no such submodule, it is not the last layer, or it has no in/out_features.

        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        >>> Net.split(model, head="1", example=torch.zeros(2, 2, 2)).feature_dim
        4
        """
        names = [name for name, _ in model.named_modules() if name]
        if head not in names:
            linear = [n for n, m in model.named_modules() if n and hasattr(m, "in_features")]
            raise ValueError(f"head={head!r} is not a submodule; candidates with in_features: {linear[-5:]}")
        backbone = copy.deepcopy(model)
        last = backbone.get_submodule(head)
        if not hasattr(last, "in_features") or not hasattr(last, "out_features"):
            raise ValueError(f"head={head!r} is a {type(last).__name__} without in_features and out_features")
        parent, _, child = head.rpartition(".")
        setattr(backbone.get_submodule(parent) if parent else backbone, child, nn.Identity())
        net = cls(backbone, last)
        if example is not None:
            was = model.training
            model.eval()
            net.eval()
            with torch.no_grad():
                same = torch.allclose(net(example), model(example))
            model.train(was)
            if not same:
                raise ValueError(
                    f"head={head!r} is not the last layer: head(backbone(x)) differs from model(x)"
                )
        return net.train(model.training)
