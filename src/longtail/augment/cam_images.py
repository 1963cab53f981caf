"""CAM-based balanced sampling: on a class-balanced stream, new images in place of the repeats of rare classes' own.

Zhang et al., *Bag of tricks for long-tailed visual recognition with deep convolutional neural networks*, AAAI 2021.
Class j gets G_j new images (``longtail.samplers.Complement``), each an original whose foreground, by the class
activation map of the stage-1 net, was turned, moved or mirrored (``move_foreground``); sampling is class-balanced over
originals and new ones. So of the draws of class j a share

    G_j / (n_j + G_j)        = 1 - n_j / (n_max + n_min)  on CIFAR

are new images, and that is what this part makes of a class-balanced stream of originals. It has the shape of a mixer,
since it must see the labels: ``y_b is y_a`` and ``lam = 1``, which costs no second loss.

| paper | here |
|---|---|
| G_j | ``complement``, a ``Complement`` |
| the stage-1 model | ``net`` (a fact: the net at the stage's start), copied and frozen |
| foreground: CAM >= 0.75 of its mean | ``share`` |
| mixup on top (the stack's second stage) | ``then`` |

*Differs from the authors' code in* drawing new images afresh each time, where theirs are made once and saved; and in
making them from the augmented image that the step is about to see, map and cut alike, where theirs map one random crop
and cut another.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from longtail.augment.foreground import activation_maps, move_foreground
from longtail.labels import Labels
from longtail.net import Net
from longtail.roles import GivesMaps, tensor_of


class CAMImages:
    """``mix(x, y, generator) -> (x', y, y, 1)``: a share of each class's images with their foreground moved.

    Args:
        net: its backbone has ``maps(x) -> [B, D, h, w]``, its head a ``weight`` ``[C, D]``; copied, evaluated, frozen.
        labels: the training labels (a fact).
        complement: has ``counts(labels)``, the new images of each class, int64 ``[C]``.
        share: the foreground is where the map reaches this share of its mean.
        then: another mixer, applied to what this one gives.

    Raises:
        ValueError: ``net`` has no such maps and weight; ``share`` is negative.

    >>> from longtail.backbones import ResNetCIFAR
    >>> from longtail.samplers import Complement
    >>> net, labels = Net(ResNetCIFAR(8), torch.nn.Linear(64, 2)), Labels.of([0] * 90 + [1] * 10)
    >>> mix = CAMImages(net, labels, Complement())
    >>> mix.new_share.tolist()
    [0.10000000149011612, 0.8999999761581421]
    >>> x, y = torch.zeros(4, 3, 32, 32, dtype=torch.uint8), torch.tensor([0, 1, 1, 1])
    >>> new, y_a, y_b, lam = mix(x, y, torch.Generator().manual_seed(0))
    >>> new.dtype, y_a is y_b, lam.item()
    (torch.uint8, True, 1.0)
    """

    takes = frozenset({"image"})
    needs = frozenset({"maps"})

    def __init__(
        self,
        net: Net,
        labels: Labels,
        complement: Any,
        share: float = 0.75,
        then: Callable[..., Any] | None = None,
    ) -> None:
        self.check_net(net)
        if not share >= 0:
            raise ValueError(
                f"share={share} must be at least 0: a multiple of the map's mean, 0.75 in the paper's code"
            )
        self.net: Any = copy.deepcopy(net).eval().requires_grad_(False)
        n, new = labels.counts, complement.counts(labels)
        self.new_share, self.share, self.then = new / (n + new).clamp(min=1), share, then

    @staticmethod
    def check_net(net: Any) -> None:
        """Raises ValueError where the maps cannot be had from ``net``."""
        weight = tensor_of(net.head, "weight")
        if not isinstance(net.backbone, GivesMaps) or weight is None or weight.dim() != 2:
            raise ValueError(
                "CAM needs a convolutional net with maps(x) and a linear head: the backbone is "
                f"{type(net.backbone).__name__} and the head {type(net.head).__name__}; use ResNetCIFAR, or give your "
                "backbone maps(x) -> [B, D, h, w], its features before pooling"
            )

    @torch.no_grad()
    def __call__(
        self, x: Tensor, y: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        chance = self.new_share.to(y.device)[y]
        at = (torch.rand(len(y), generator=generator, device=generator.device) < chance).nonzero().flatten()
        if len(at):
            old = x[at]
            maps = activation_maps(
                self.net.backbone.maps(old), self.net.head.weight, y[at], (x.shape[2], x.shape[3])
            )
            x = x.index_copy(0, at, move_foreground(old, maps, generator, self.share))
        if self.then is not None:
            mixed: tuple[Tensor, Tensor, Tensor, Tensor] = self.then(x, y, generator)
            return mixed
        return x, y, y, torch.ones((), device=y.device)
