"""A net of your own (``Net.split``) on the house's rows: what it is given, and a try before anything is trained.

It is given floats:

- tables and embeddings: float32 ``[B, d]``, numbers standardised by the training rows, words as 0/1 columns;
- texts: float32 ``[B, V]``, TF-IDF of character and word n-grams, each row of length 1;
- images: float32 ``[B, 3, H, W]``, pixels divided by 255, so 0..1. Other normalisation is the net's own matter.

The nets of the house take what the encoders give (uint8 pixels, sparse rows); for yours a hook before its backbone
makes floats of that. How many columns words and n-grams give differs from fold to fold: ``nn.LazyLinear`` takes what
comes.
"""

from __future__ import annotations

import copy
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from longtail.inputs import Inputs, SparseRows
from longtail.net import Net
from longtail.part import listed, name_of
from longtail.roles import spec_of

PIXEL = 255.0


def is_own(net: Net) -> bool:
    """Is its backbone none of the house's?"""
    spec = spec_of(net.backbone)
    return spec is None or name_of(spec.target) not in listed("backbone")


def floats(x: Inputs) -> Tensor:
    """Encoded rows as a net of your own gets them.

    >>> floats(torch.full((1, 3, 1, 1), 255, dtype=torch.uint8)).flatten().tolist()
    [1.0, 1.0, 1.0]
    """
    if isinstance(x, SparseRows):
        return x.dense().float()
    return x.float() / PIXEL if x.dim() == 4 else x.float()


def on_rows(net: Net, x: Inputs, seed: int) -> Net:
    """The net as it starts on rows like ``x``: a copy whose backbone is given floats; layers that wait for their width
    (``nn.LazyLinear``) get it here, and their weights from the seed. A net on a backbone of the house stays as it is.
    """
    if not is_own(net):
        return net
    made = copy.deepcopy(net)
    made.backbone.register_forward_pre_hook(_to_floats)
    if any(map(is_lazy, made.parameters())):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            made.eval()(x[:2])
            made.train(net.training)
    return made


class Rows(Protocol):
    """What is asked of a kind of data here (``longtail.kinds.Kind``): what a net gets, and what to do where it does not
    take it.
    """

    @property
    def name(self) -> str: ...
    @property
    def given(self) -> str: ...
    @property
    def remedy(self) -> str: ...


def try_net(net: Net, x: Inputs, kind: Rows, num_classes: int) -> None:
    """Run a batch through a net of your own.

    Args:
        net: not changed.
        x: a few encoded rows.
        kind: of the data.
        num_classes: C.

    Raises:
        ValueError: it does not take them, or does not give one number per class; the message has the shapes and remedy.

    >>> from longtail.kinds import TABLE
    >>> try_net(Net(nn.Linear(4, 8), nn.Linear(8, 3)), torch.zeros(2, 4), TABLE, 3)
    """
    if not is_own(net):
        return
    given = floats(x[:2])
    said = f"float32 {list(given.shape)} ({kind.given})"
    try:
        made = on_rows(net, x, 0)
        features = _both_ways(made.backbone, x)
    except Exception as why:  # whatever the user's code raises
        raise ValueError(
            f"backbone: the net does not take rows of this {kind.name} data. It was given {said} and said: "
            f"{' '.join(str(why).split())[:300]}. {kind.remedy.format(d=given.shape[-1])}"
        ) from why
    want = [len(x), net.feature_dim]
    if not isinstance(features, Tensor) or list(features.shape) != want:
        found = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(
            f"backbone: below its last layer the net gave {found} for {len(x)} rows, and that layer takes {want}: "
            "split it at its last layer (head=), and let what lies below give one vector per row"
        )
    logits = made.head(features)
    if list(logits.shape) != [len(x), num_classes]:
        raise ValueError(
            f"backbone: the net gave {list(logits.shape)} for {len(x)} rows, and these data have {num_classes} classes, "
            f"so {[len(x), num_classes]} is wanted: make its last layer nn.Linear({net.feature_dim}, {num_classes})"
        )
    if not bool(torch.isfinite(logits).all()):
        raise ValueError(
            f"backbone: the net gave nan or infinity for {said}: look at its first layers and initial weights"
        )


def _both_ways(backbone: nn.Module, x: Inputs) -> Any:
    """The backbone's output, as it trains and as it predicts."""
    with torch.random.fork_rng(devices=[]):
        if len(x) > 1:
            backbone.train()(x)
        with torch.no_grad():
            return backbone.eval()(x)


def _to_floats(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return (floats(args[0]), *args[1:])
