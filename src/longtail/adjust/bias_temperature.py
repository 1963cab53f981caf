"""BiasTemperature: a temperature and one bias a class, fitted on held-out data. It makes *any* model's prior
known.

Source: the bias-corrected temperature scaling (BCTS) of Alexandari et al., "Maximum Likelihood with
Bias-Corrected Calibration is Hard-To-Beat at Label Shift Adaptation", ICML 2020: ``z'_j = z_j / T + b_j``,
by maximum likelihood.

| symbol | here |
|---|---|
| T, b | ``temperature``, ``bias`` |

Differs from the authors' code in the fit: a penalty ``strength / 2 * (|b|^2 + (log T)^2)`` in nats, so that
small held-out sets are safe; a class with no held-out example keeps bias 0.

Afterwards the logits assume the prior of the held-out data (:attr:`assumed_prior`): their mean predicted
probability there, which equals the class frequencies where the penalty is negligible and is never zero.
"""

from __future__ import annotations

import warnings

import numpy as np

from longtail.adjust._minimise import cross_entropy, minimise
from longtail.adjust.affine import Affine, Array, Vector, numbers
from longtail.adjust.inputs import Floats, Ints, check_labels, check_logits, check_prior, softmax
from longtail.part import part

STRENGTH = 1.0
"""Of the pull towards what was there before, in examples; chosen in docs/decisions/0018."""
FAINT = 0.02
"""Of the same pull where biases are matched without labels: it settles only what the rows leave open."""


def fit_bias_temperature(
    logits: Floats,
    y: Ints,
    strength: float = STRENGTH,
    prior: Floats | None = None,
    around: Floats | None = None,
    rates: Floats | None = None,
) -> tuple[float, Floats]:
    """T and b ``[C]`` for held-out ``logits [N, C]`` and labels.

    With a ``prior``, the rows are taken as drawn class by class: ``logits / T + b`` are those of that prior, and the rows
    are judged as they were drawn (:func:`drawn_as`). The penalty pulls b towards ``around`` (zeros).
    """
    c = logits.shape[1]
    share = np.bincount(y, minlength=c) / len(y)
    seen = share > 0
    weight = strength / len(y)
    start = np.zeros(c) if around is None else around
    fixed = start + drawn_as(share, prior, rates)

    def objective(x: Floats) -> tuple[float, Floats]:
        scaled = logits * np.exp(np.clip(x[0], -30, 30))  # a first step may be wild
        value, gradient = cross_entropy(scaled + fixed + x[1:], y)
        slope = np.concatenate([[np.vdot(gradient, scaled)], gradient.sum(0) * seen])
        return value + weight * 0.5 * float(x @ x), slope + weight * x

    x = minimise(objective, np.zeros(c + 1), np.append(1.0, share * (1 - share) + weight + 1e-9))
    return float(np.exp(-x[0])), start + x[1:]


def drawn_as(share: Floats, prior: Floats | None, rates: Floats | None = None) -> Floats:
    """What moves logits of ``prior`` to rows that were drawn class by class; -inf for a class without rows.

    With ``rates``, the share of its rows that each class gave, it is their logarithm. Without, the rows' own shares tell
    it, which is right where rows are drawn singly, and not where many are drawn at once. Zeros without a prior.
    """
    if prior is None:
        return np.zeros(len(share))
    with np.errstate(divide="ignore"):
        if rates is not None:
            return np.where(share > 0, np.log(rates / rates.max()), -np.inf)
        return np.log(share) - np.log(prior)


def match_bias(logits: Floats, prior: Floats, start: Floats, strength: float = 0.0) -> Floats:
    """b ``[C]`` under which the mean of softmax(logits + b) over the rows is ``prior``: the most likely one if the rows'
    labels are that frequent. A class of prior 0 keeps its ``start``; the penalty of ``strength``, in examples, pulls the
    others towards it.
    """
    present = prior > 0
    weight = strength / len(logits)

    def objective(bias: Floats) -> tuple[float, Floats]:
        scores = logits + bias
        top = scores.max(1, keepdims=True)
        np.exp(scores - top, out=scores)
        total = scores.sum(1, keepdims=True)
        value = float((np.log(total) + top).mean() - prior @ bias)
        off = bias - start
        slope = (scores / total).mean(0) - prior + weight * off
        return value + weight * 0.5 * float(off @ off), slope * present

    return minimise(objective, start.copy(), np.where(present, prior * (1 - prior) + weight, 1.0) + 1e-9)


class BiasTemperature(Affine):
    """``logits / temperature + bias``.

    Args:
        temperature: T > 0, or None to fit.
        bias: b ``[C]``, or None to fit.
        assumes: the prior ``[C]`` of the held-out data it was fitted on.
        strength: of the pull towards T = 1 and b = 0, in examples.

    Raises:
        ValueError: some but not all of the three fitted values, or one out of range.
    """

    def __init__(
        self,
        temperature: float | None = None,
        bias: Vector | None = None,
        assumes: Vector | None = None,
        strength: float = STRENGTH,
    ) -> None:
        given = [v is not None for v in (temperature, bias, assumes)]
        if any(given) != all(given):
            raise ValueError(
                "give all of temperature, bias and assumes (a fitted adjuster) or none (to be fitted)"
            )
        if temperature is not None and not 0 < temperature < np.inf:
            raise ValueError(f"temperature={temperature} must be positive")
        if not strength >= 0:
            raise ValueError(f"strength={strength} must be 0 or more")
        b = None if bias is None else numbers(bias)
        prior = None if assumes is None else numbers(check_prior("assumes", assumes, len(b or ())))
        self.temperature, self.assumed_prior, self.strength = temperature, prior, strength
        spec = part(BiasTemperature, temperature=temperature, bias=b, assumes=prior, strength=strength)
        super().__init__(spec, None if temperature is None else 1 / temperature, 0.0 if b is None else b)

    def fit(
        self,
        logits: Array,
        y: Array,
        prior: Vector | None = None,
        around: Vector | None = None,
        rates: Vector | None = None,
    ) -> BiasTemperature:
        """A fitted one, from held-out logits ``[N, C]`` and labels ``[N]``.

        Warns if the held-out part has fewer examples than the C + 1 parameters (then the penalty decides much), or
        none of a class (whose bias stays as it is).

        Args:
            prior: class frequencies ``[C]``, none of them 0, that the calibrated logits shall assume; the held-out rows
                are then taken as drawn class by class (a stratified split, say). None: those of the held-out rows.
            around: biases ``[C]`` that the penalty pulls towards; None: zeros.
            rates: with ``prior``, the share of its rows that each class gave to the held-out part, ``[C]``, up to a
                common factor. None: what their class frequencies say. Give it where many rows are held out or kept as
                one, such as copies: the frequencies are then no measure of it.

        Raises:
            ValueError: bad rows, see :func:`longtail.adjust.check_logits`.
        """
        z = check_logits(logits)
        labels = check_labels(y, len(z), z.shape[1])
        warn_if_few(len(z), z.shape[1] + 1, "BiasTemperature")
        warn_if_absent(labels, z.shape[1], "BiasTemperature")
        assumed = None if prior is None else np.asarray(check_prior("prior", prior, z.shape[1]))
        centre = None if around is None else np.asarray(numbers(around))
        drawn = None if rates is None else np.asarray(numbers(rates))
        temperature, bias = fit_bias_temperature(z, labels, self.strength, assumed, centre, drawn)
        mean = softmax(z / temperature + bias).mean(0) if assumed is None else assumed
        return BiasTemperature(temperature, bias, mean / mean.sum(), self.strength)

    def matched(self, logits: Array, prior: Vector, correction: Vector | None = None) -> BiasTemperature:
        """This temperature for another training of the same model: biases under which its mean prediction over ``logits
        [N, C]``, of rows that are as frequent as ``prior [C]`` says, is that prior. It needs no labels.

        The temperature of two trainings on much the same data is much the same; their biases need not be. A net that has
        not learnt a class yet keeps its logit far below the others, and in another run it may be another class.

        Args:
            correction: biases ``[C]`` to add afterwards: what held-out labels of the other training said beyond *its*
                matched biases. Rows that a net was trained on do not show by how much it is over-confident.

        Raises:
            RuntimeError: not fitted.
            ValueError: bad rows, or no prior.

        >>> fitted = BiasTemperature(2.0, (0.0, 0.0), (0.5, 0.5))
        >>> z = np.array([[4.0, 0.0], [0.0, 0.0], [6.0, 0.0]])
        >>> new = fitted.matched(z, [0.5, 0.5])
        >>> bool(np.allclose(softmax(new(z)).mean(0), 0.5, atol=0.01)), new.temperature
        (True, 2.0)
        """
        if self.temperature is None:
            raise RuntimeError("BiasTemperature is not fitted: call fit(logits, y) on held-out data first")
        z = check_logits(logits)
        wanted = np.asarray(check_prior("prior", prior, z.shape[1]), dtype=np.float64)
        start = np.where(wanted > 0, 0.0, np.asarray(self.bias, dtype=np.float64))
        bias = match_bias(z / self.temperature, wanted, start, FAINT)
        mean = softmax(z / self.temperature + bias).mean(0)
        if correction is not None:
            bias, mean = bias + np.asarray(numbers(correction)), np.where(wanted > 0, wanted, mean)
        return BiasTemperature(self.temperature, bias, mean / mean.sum(), self.strength)

    def assumes(self, before: Array | None) -> Array | None:
        """:attr:`assumed_prior`, whatever was assumed before; a torch tensor unless ``before`` is a numpy array."""
        return prior_like(self.assumed_prior, before)


def prior_like(prior: tuple[float, ...] | None, before: Array | None) -> Array | None:
    """``prior`` as float64: numpy where ``before`` is, else a torch tensor."""
    if prior is None:
        return None
    if isinstance(before, np.ndarray):
        return np.asarray(prior)
    import torch

    return torch.tensor(prior, dtype=torch.float64, device=None if before is None else before.device)


def warn_if_few(rows: int, parameters: int, name: str) -> None:
    """Say so if a fit has fewer examples than parameters."""
    if rows < parameters:
        warnings.warn(
            f"{name}: {rows} held-out examples for {parameters} parameters; the fit is regularised towards "
            "no change. Hold out more, or use Temperature (one parameter)",
            stacklevel=3,
        )


def warn_if_absent(y: Ints, num_classes: int, name: str) -> None:
    """Say so if a class has no held-out example."""
    absent = np.flatnonzero(np.bincount(y, minlength=num_classes) == 0)
    if len(absent):
        listed = ", ".join(map(str, absent[:5])) + (" ..." if len(absent) > 5 else "")
        warnings.warn(
            f"{name}: no held-out example of {len(absent)} of {num_classes} classes ({listed}): their bias stays as it "
            "is. Hold out some of each class, or use Temperature (one parameter)",
            stacklevel=3,
        )
