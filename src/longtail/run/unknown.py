"""Unknown: what a trained outcome does where nobody knows how frequent the classes are. Rows without labels tell.

Two ways. For any outcome the prior is estimated by EM (:func:`longtail.adjust.estimate_prior`), from what it says of
the rows, and then put in as a declared one is. An outcome of several experts (SADE) may instead be given weights for
them: those under which two views of a row are judged most alike (:func:`longtail.adjust.expert_weights`); its decisions
are then taken as they are.

Source of the views: Zhang et al. (SADE), NeurIPS 2022: crop, colour jitter, grey, blur, mirrored images. Differs in
mirrored images, which are left out, since a model does not know whether a mirrored digit is one; and in rows of features,
of which some are exchanged (SCARF).
"""

from __future__ import annotations

import torch
from torch import Tensor

from longtail.adjust import PriorEstimate, estimate_prior, expert_weights
from longtail.adjust.inputs import Floats
from longtail.adjust.label_shift import em_prior
from longtail.augment import Compose, Corrupt, CropFlip, SimCLRView, Suited
from longtail.classes import floored
from longtail.heads import Experts
from longtail.inputs import Inputs, PlacedTokens, TokenRows
from longtail.net import Net
from longtail.run.outcome import Meaning, Outcome
from longtail.seeds import seed_of
from longtail.source import Source, are_images, no_rows, source_of
from longtail.surgery import WeighExperts

EACH = 10
"""Rows for each class below which frequencies are not estimated. C - 1 numbers that are estimated on N rows cost about
(C - 1) / 2N nats per row, where the classes are told apart well: with ten rows for each class, .05."""
NUMBERS = 1_000_000
"""Probabilities that are used at most: of more rows, so many are drawn."""
PULL = 1.0
"""Rows that count as if they were there, as frequent as in training, so that a class that no row shows stays possible."""


def check_enough(rows: int, classes: int) -> None:
    """Raise ``ValueError`` where rows are too few to tell the frequencies of so many classes."""
    if rows < EACH * classes:
        raise ValueError(
            f"prior='estimated': {rows:,} rows are too few to tell how frequent {classes} classes are; it takes "
            f"{EACH * classes:,} ({EACH} for each class). Give more rows, or say the prior: prior='natural', 'balanced' "
            "or numbers"
        )


def sample_of(rows: int, numbers: int, seed: int = 0) -> Tensor:
    """The rows that are used, sorted: all, or as many as hold ``NUMBERS`` numbers at ``numbers`` each."""
    most = max(2 * EACH * numbers, NUMBERS // numbers)
    if rows <= most:
        return torch.arange(rows)
    generator = torch.Generator().manual_seed(seed_of("unknown", seed))
    return torch.randperm(rows, generator=generator)[:most].sort().values


def estimated(meaning: Meaning, logits: Tensor, seed: int = 0, resamples: int = 100) -> PriorEstimate:
    """How frequent the classes are among rows without labels, with intervals.

    Args:
        meaning: of the logits.
        logits: of the rows ``[N, C]``.
        seed: of the bootstrap, and of the rows that are drawn where there are very many.
        resamples: of the bootstrap.

    Raises:
        ValueError: too few rows, or logits whose prior is not known.

    >>> from longtail.classes import Classes
    >>> meaning = Meaning(Classes.of(torch.tensor([90, 10])), torch.tensor([0.9, 0.1]))
    >>> logits = torch.tensor([[9.0, 0.0]] * 20 + [[0.0, 9.0]] * 60)
    >>> [round(p, 2) for p in estimated(meaning, logits).prior]
    [0.26, 0.74]
    """
    rows, classes = logits.shape
    check_enough(rows, classes)
    log_p, natural = as_natural(meaning, logits[sample_of(rows, classes, seed)])
    return estimate_prior(log_p, natural, resamples=resamples, seed=seed, strength=PULL)


def estimated_on(meaning: Meaning, logits: Tensor, weight: Tensor) -> Floats:
    """The same of rows that count differently, ``weight [N]``, as a prior ``[C]`` without intervals.

    The pull towards the training frequencies is held against the rows that such weights are worth.
    """
    log_p, natural = as_natural(meaning, logits)
    w = weight.double()
    return em_prior(log_p.exp().numpy(), natural, (w * w.sum() / (w**2).sum()).numpy(), strength=PULL)


def off_on_held(outcome: Outcome) -> float | None:
    """How far off such an estimate is on held-out training rows, weighted so that all classes are equally frequent: half
    the sum of absolute differences, 0 to 1. None where no rows were held out.

    A model that cannot tell the classes, or whose probabilities are not true, is far off: its estimates mean little.
    """
    if outcome.held is None:
        return None
    natural, there = (
        outcome.classes.prior.double(),
        torch.bincount(outcome.held.y, minlength=len(outcome.classes.prior)),
    )
    target = (there > 0).double() / (there > 0).sum()
    _, weight = outcome.held.under(natural, target)
    meaning = Meaning(outcome.classes, natural)
    found = estimated_on(meaning, outcome.held.log_p, weight)
    return float(abs(found - target.numpy()).sum() / 2)


def as_natural(meaning: Meaning, logits: Tensor) -> tuple[Tensor, Floats]:
    """Logarithms of the probabilities under the natural prior, float64 ``[N, C]``, and that prior, without zeros."""
    prior = floored(meaning.classes.prior.double())
    prior = prior / prior.sum()
    found = meaning.probabilities(logits, prior.tolist()).double().clamp(min=1e-30).log()
    return found, prior.numpy()


def check_experts(net: Net) -> None:
    """Raise ``ValueError`` where a net has no experts to weigh."""
    head = net.head
    if not isinstance(head, Experts) or len(head.weights) < 2:
        raise ValueError(
            f"prior='experts' weighs the experts of a recipe such as sade, and this model's head, a "
            f"{type(head).__name__}, has none: prior='estimated' serves every model"
        )


def expert_logits(outcome: Outcome, x: Source | Inputs, view: Suited | None = None, seed: int = 0) -> Tensor:
    """What each expert says of all rows, float32 ``[N, K, C]`` on the CPU, of a view of them where one is given."""
    source, net, engine = source_of(x), outcome.net, outcome.engine
    generator = torch.Generator(engine.on).manual_seed(seed_of("views", seed))
    head = net.head
    assert isinstance(head, Experts)
    net.eval().to(engine.on)
    out = []
    with torch.no_grad(), engine.autocast():
        for start in range(0, len(source), 128):
            rows = source.batch(slice(start, start + 128), engine.on)
            seen = rows if view is None else view(rows, generator)
            out.append(head.each(net.backbone(seen)).float().cpu())
    return torch.cat(out)


def said_by_experts(outcome: Outcome, x: Source | Inputs) -> Tensor | None:
    """What each expert says of all rows as they are, and of two views of them, float32 ``[3, N, K, C]``; None where there
    are no experts, or no views.
    """
    source, head = source_of(x), outcome.net.head
    if (
        not isinstance(head, Experts)
        or len(head.weights) < 2
        or isinstance(no_rows(source), TokenRows | PlacedTokens)
    ):
        return None
    view = view_of(source)
    return torch.stack([expert_logits(outcome, source, v, seed=k) for k, v in enumerate((None, view, view))])


def view_of(source: Source) -> Suited:
    """The random view under which experts are asked twice; a crop as far as a side's eighth, 4 of 32 pixels."""
    side = int(no_rows(source).shape[-1]) if are_images(source) else 32
    images = Compose(
        (CropFlip(pad=max(1, side // 8), flip=False), SimCLRView(scale=None, p_blur=0.2, flip=False))
    )
    return Suited(images=images, rows=Corrupt(0.3))


def weigh_experts(outcome: Outcome, x: Source | Inputs, seed: int = 0) -> tuple[Outcome, tuple[float, ...]]:
    """The outcome with its experts weighed for rows without labels, and the weights.

    As published, its ``logits`` are decided by as they are, so it claims no prior.

    Args:
        x: the rows.
        seed: of the views, of the order, and of the rows that are drawn where there are very many.

    Raises:
        ValueError: no experts, or rows without views; see :func:`check_experts`.
    """
    source = source_of(x)
    check_experts(outcome.net)
    if isinstance(no_rows(source), TokenRows | PlacedTokens):
        raise ValueError(
            "prior='experts' needs two views of each row, and tokens have none: prior='estimated' needs no views"
        )
    rows = sample_of(len(source), outcome.classes.num_classes, seed)
    drawn, view = source.take(rows), view_of(source)
    one, two = (expert_logits(outcome, drawn, view, seed=2 * seed + k) for k in (0, 1))
    weights = expert_weights(one, two, seed=seed)
    return outcome.but(net=WeighExperts(weights)(outcome.net), assumed_prior=None, calibrator=None), weights
