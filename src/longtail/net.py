"""Net: a backbone (inputs -> features) and a head (features -> logits). Long-tail methods treat the two differently."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from longtail.part import Own, Part, from_json
from longtail.roles import TakesRowsAtOnce


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

    @property
    def rows_at_once(self) -> int | None:
        """Rows that the head is best asked about together (its attribute of that name); None where it does not say."""
        return self.head.rows_at_once if isinstance(self.head, TakesRowsAtOnce) else None

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


FACTORIES = frozenset(
    {
        torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.arange,
        torch.eye, torch.linspace, torch.randperm, torch.tril_indices, torch.triu_indices,
    }
)  # fmt: skip
SPARE = 2**24
"""Elements that building a module may take beside those it keeps (rotary tables, masks)."""


def rebuild(spec: Any, tensors: Mapping[str, Tensor], slot: str, own: Own | None = None) -> nn.Module:
    """The module of a ``spec`` read from a file, with the ``tensors`` that lay beside it.

    Only the classes listed for ``slot`` (``longtail.rooms.SLOTS``) and your ``own`` are built. Building stops
    before it takes much more memory, or many more steps, than the tensors in the file account for.

    Raises:
        ValueError: another class, sizes that are not the tensors', or a spec that builds nothing.

    >>> from longtail.heads import Linear
    >>> from longtail.part import to_json
    >>> head = Linear(2, 3)
    >>> rebuild(to_json(head.spec), head.state_dict(), "head")(torch.zeros(1, 2)).shape
    torch.Size([1, 3])
    """
    part = from_json(spec, own, slot)
    if not isinstance(part, Part):
        raise ValueError(f"a {slot} must be named as a part, not {type(spec).__name__}")
    stored = sum(t.numel() for t in tensors.values())
    try:
        with _Bounded(4 * stored + SPARE, 1000 * len(tensors) + 20_000):
            module = part.build(own=own)
    except ValueError as why:
        raise ValueError(f"{slot} {part.target.__name__}: {why}") from None
    except (
        TypeError,
        RuntimeError,
        KeyError,
        AttributeError,
        IndexError,
        OverflowError,
        ArithmeticError,
    ) as why:
        raise ValueError(
            f"{slot} {part.target.__name__} cannot be built from its numbers: {_line(why)}"
        ) from None
    if not isinstance(module, nn.Module):
        raise ValueError(f"{slot} {part.target.__name__} is no module")
    try:
        module.load_state_dict(dict(tensors))
    except RuntimeError as why:
        raise ValueError(
            f"{slot} {part.target.__name__} is not that of these tensors: {_line(why)}"
        ) from None
    return module


class _Bounded(TorchFunctionMode):
    """Counts what torch is asked to make, before it makes it."""

    def __init__(self, elements: int, calls: int) -> None:
        super().__init__()
        self.elements, self.calls = elements, calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.calls -= 1
        if func in FACTORIES:
            plain = {k: v for k, v in kwargs.items() if k not in ("generator", "out", "pin_memory")}
            self.elements -= func(*args, **{**plain, "device": "meta"}).numel()
        if self.elements < 0 or self.calls < 0:
            raise ValueError("its sizes are far larger than the tensors in the file")
        return func(*args, **kwargs)


def _line(why: Exception) -> str:
    return " ".join(str(why).split())[:300]
