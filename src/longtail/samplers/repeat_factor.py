"""Repeat-factor sampling, image level, for data with several labels an image.

Gupta, Dollar and Girshick, *LVIS*, CVPR 2019, section 4 (after Mahajan et al., ECCV 2018):

    f_c = share of images that hold class c,   r_c = max(1, sqrt(t / f_c)),   r_i = max over the classes of
    image i of r_c

| paper | here |
|---|---|
| t | ``threshold`` |
| square root | ``sqrt=False`` leaves it out |
| the classes of an image | ``categories``; None takes the labels |

Rows of several labels are ``LabelSets``, and ``stream_prior`` says what becomes of f_c. Where rows have one label and
images several classes, give the classes here; then ``category_shares`` says it.

Image i comes floor(r_i) times and once more with probability r_i - floor(r_i), drawn each epoch, so an
epoch's length varies a little.
*Differs from the authors' code in* float64 where detectron2 rounds r to float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from longtail.label_sets import LabelSets
from longtail.labels import Labels
from longtail.samplers.cycles import ranges, spread
from longtail.samplers.drawn import Rows, check_number, check_size
from longtail.samplers.scatter import pieces, scatter, shuffle

Categories = Sequence[Sequence[int]] | Tensor
"""The classes of each image: a list of class indices an image, or 0/1 ``[N, C]``."""


def repeat_factors(categories: Categories, threshold: float, sqrt: bool = True) -> Tensor:
    """r_i of every image, float64 ``[N]``; an image without a class has 1.

    >>> repeat_factors([[0], [0], [0, 1], []], threshold=1.0, sqrt=False).tolist()
    [1.3333333333333333, 1.3333333333333333, 4.0, 1.0]
    >>> repeat_factors(torch.tensor([[1, 0], [1, 0], [1, 1], [0, 0]]), threshold=1.0, sqrt=False)[2].item()
    4.0
    """
    return _factors(*_pairs(categories), len(categories), threshold, sqrt)


def shares(categories: Categories) -> Tensor:
    """f_c, the share of images that hold class c, float64 ``[C]``.

    >>> shares([[0], [0, 1], [], [0, 0]]).tolist()
    [0.75, 0.25]
    """
    return _shares(_pairs(categories)[1], len(categories))


def _pairs(categories: Categories) -> tuple[Tensor, Tensor]:
    """(image, class) of every class an image holds, each once.

    Raises:
        ValueError: no image, a negative class, or a tensor that is not 0/1 ``[N, C]``.
    """
    if isinstance(categories, Tensor):
        if categories.dim() != 2 or not bool(((categories == 0) | (categories == 1)).all()):
            raise ValueError(f"categories has shape {tuple(categories.shape)}: a tensor must be 0/1, [N, C]")
        image, category = categories.nonzero(as_tuple=True)
    else:
        held = [sorted(set(one)) for one in categories]
        size = torch.tensor([len(one) for one in held], dtype=torch.int64)
        image = torch.repeat_interleave(torch.arange(len(held)), size)
        category = torch.tensor([c for one in held for c in one], dtype=torch.int64)
    if not len(categories):
        raise ValueError("categories is empty: give the classes of each image")
    if len(category) and int(category.min()) < 0:
        raise ValueError(f"categories holds class {int(category.min())}: classes are 0, 1, 2 ...")
    return image, category


def _shares(category: Tensor, num: int) -> Tensor:
    return torch.bincount(category).double() / num


def _factors(image: Tensor, category: Tensor, num: int, threshold: float, sqrt: bool) -> Tensor:
    r = _class_factors(_shares(category, num), threshold, sqrt)
    out = torch.ones(num, dtype=torch.float64)
    return out.scatter_reduce_(0, image, r[category], "amax") if len(category) else out


def _class_factors(share: Tensor, threshold: float, sqrt: bool) -> Tensor:
    r = threshold / share.clamp(min=1e-300)
    return (r.sqrt() if sqrt else r).clamp(min=1.0)


class RepeatFactor:
    """Each image once, those with rare classes ``sqrt(threshold / f_c)`` times on average; shuffled.

    Args:
        threshold: t; classes in a smaller share of the images are repeated (0.001 in LVIS). None takes one over the
            number of classes that have examples: those rarer than the average class are repeated. For the 1,203 classes
            of LVIS that is 0.0008.
        sqrt: the square root of the formula.
        categories: the classes of each image, several or none, as lists or as 0/1 ``[N, C]``; None takes the labels
            themselves, be it one class per row or several.

    Raises:
        ValueError: ``threshold`` is not above 0; ``categories`` is not as long as the labels, holds a negative
            class, or is a tensor of something else.

    >>> labels = Labels.of([0, 0, 0, 1])
    >>> RepeatFactor(threshold=1.0, sqrt=False).stream_prior(labels).tolist()
    [0.5, 0.5]
    """

    def __init__(
        self, threshold: float | None = 0.001, sqrt: bool = True, categories: Categories | None = None
    ) -> None:
        if threshold is not None:
            check_number("threshold", threshold)
        if threshold is not None and not threshold > 0:
            raise ValueError(f"threshold={threshold} must be above 0: a share of the images, 0.001 in LVIS")
        if threshold is None and categories is not None:
            raise ValueError("threshold=None is found in the single labels: give a number with categories")
        self.threshold, self.sqrt = threshold, sqrt
        self._held = None if categories is None else _pairs(categories)
        self._given = None
        if self._held is not None and categories is not None and threshold is not None:
            self._given = _factors(*self._held, len(categories), threshold, sqrt)

    tasks = frozenset({"single-label", "multi-label"})

    def factors(self, labels: Rows) -> Tensor:
        """r_i of every example, float64 ``[N]``."""
        if self._given is None and isinstance(labels, LabelSets):
            image, category = labels.pairs
            return _factors(image, category, len(labels), self._bar(labels), self.sqrt)
        if self._given is None:
            assert isinstance(labels, Labels)
            return _class_factors(labels.prior, self._bar(labels), self.sqrt)[labels.y]
        if len(self._given) != len(labels):
            raise ValueError(
                f"categories has {len(self._given)} entries and labels {len(labels)}: one an image"
            )
        return self._given

    def _bar(self, labels: Rows) -> float:
        """The threshold, found in the labels where none was given."""
        return 1 / int((labels.counts > 0).sum()) if self.threshold is None else self.threshold

    def category_shares(self, labels: Rows) -> Tensor:
        """The share of an epoch's images that hold class c, expected, float64 ``[C]``: f_c after sampling.

        >>> sampler = RepeatFactor(threshold=1.0, sqrt=False, categories=[[0], [0], [0, 1], []])
        >>> sampler.category_shares(Labels.of([0, 0, 0, 0])).tolist()
        [0.8695652173913043, 0.5217391304347826]
        """
        r = self.factors(labels)
        if self._held is None:
            return self.stream_prior(labels)
        image, category = self._held
        return torch.bincount(category, weights=r[image]) / r.sum()

    def stream_prior(self, labels: Rows, t: float = 0.0) -> Tensor:
        """Expected frequencies of the classes, float64 ``[C]``; of several labels per row the share of rows with each."""
        r = self.factors(labels)
        image, held = labels.pairs if isinstance(labels, LabelSets) else (slice(None), labels.y)
        return torch.bincount(held, weights=r[image], minlength=len(labels.names)) / r.sum()

    def drawn_size(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> int:
        """Indices in the epoch that ``generator`` would give."""
        return len(labels) + len(self._repeats(labels, generator))

    def _repeats(self, labels: Rows, generator: torch.Generator) -> Tensor:
        """The images that come more than once, as often as they come beyond the first time."""
        if self._given is None and isinstance(labels, Labels):
            by_class = _class_factors(labels.prior, self._bar(labels), self.sqrt)
            order, start = labels.by_class
            c = (by_class > 1).nonzero().flatten()
            image = order[ranges(start[c], labels.counts[c])]
            r = spread(by_class[c], labels.counts[c])
        else:
            r = self.factors(labels)
            image = (r > 1).nonzero().flatten()
            r = r[image]
        check_size(float(r.sum()) + len(labels), f"threshold={self.threshold}", len(labels))
        whole = r.floor()
        more = torch.rand(len(r), dtype=torch.float64, generator=generator) < r.sub_(whole)
        return spread(image, whole.long().sub_(1).add_(more))

    def chunks(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Iterator[Tensor]:
        """One epoch, in pieces: int64 tensors that joined are ``self(labels, generator, t)``."""
        repeats = self._repeats(labels, generator)
        into = pieces(len(labels) + len(repeats))
        firsts, others = scatter(len(labels), into, generator), scatter(len(repeats), into, generator)
        for first, other in zip(firsts, others):
            yield shuffle(torch.cat([first, repeats[other]]), generator)

    def __call__(self, labels: Rows, generator: torch.Generator, t: float = 0.0) -> Tensor:
        return torch.cat(list(self.chunks(labels, generator, t)))
