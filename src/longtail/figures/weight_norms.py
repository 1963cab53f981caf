"""weight-norms: the length of each class's weight vector in the head, against its count.

Source: Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020, figure 2: with
frequency the norms grow, and tau-normalisation and learnt scales (LWS) take that back. Weight decay: Alshammari et al.,
"Long-Tailed Recognition via Weight Balancing", CVPR 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from longtail.figures.canvas import Canvas, logarithmic
from longtail.figures.figure import Figure, Measured
from longtail.figures.subject import Subject
from longtail.heads import Scaled
from longtail.recipe import Recipe, Stage
from longtail.recipes.erm import erm
from longtail.recipes.lws import lws
from longtail.report.figures import running_mean
from longtail.surgery.tau_normalize import tau_normalize

MANY = 30
"""Classes: more are dots with a running mean."""


def class_weights(head: nn.Module) -> Tensor | None:
    """The weight vectors of a linear head, ``[C, d]``, scales of classes included; None where lengths do not count."""
    if isinstance(head, Scaled):
        inner = class_weights(head.inner)
        return None if inner is None else head.scale.detach()[:, None] * inner
    return head.weight.detach() if isinstance(head, nn.Linear) else None


def decayed(base: Stage, times: float) -> Recipe:
    """erm with more weight decay."""
    now = dict(base.optim.kwargs).get("weight_decay", 0.0)
    return erm(base.but(optim=base.tune(weight_decay=times * (now or 5e-4))))


def measure(subject: Subject, *, tau: float = 1.0, decay: float = 10.0) -> Measured:
    """Norms of the head's class weights, each series over its own mean.

    Args:
        subject: whose model.
        tau: of the tau-normalisation.
        decay: times the usual weight decay.

    Raises:
        ValueError: the model's head has no weight vectors whose length counts.
    """
    model = subject.model
    if model is None:
        name, recipe = subject.recipe
        seen = subject.trained(name, recipe)
        net, facts = seen.net, seen.words
    else:
        name = str(model.facts.get("recipe", {}).get("name", "the model"))
        net = model.outcome.net
        facts = f"{name} was trained before, on {subject.name}."
    weight = class_weights(net.head)
    if weight is None:
        raise ValueError(
            f"the head of {name} is a {type(net.head).__name__}: its class weights have no length that counts. Take a "
            "model with a linear head, such as erm"
        )
    series = {name: weight, f"tau-norm, tau {tau:g}": tau_normalize(weight, tau)}
    if model is None:
        scaled = class_weights(subject.trained("lws", lws).net.head)
        assert scaled is not None
        series["LWS"] = scaled
        if seen.solved:
            facts = f"{facts} Its head is solved and its penalty is chosen on held-out rows: no weight decay."
        else:
            strong = class_weights(
                subject.trained(f"decay-{decay:g}", lambda base: decayed(base, decay)).net.head
            )
            assert strong is not None
            series[f"weight decay x {decay:g}"] = strong
            facts = f"{facts} LWS and weight decay are trainings of their own."
    classes = subject.classes
    order = classes.counts.argsort(descending=True, stable=True)
    order = order[classes.counts[order] > 0]
    norms = {label: w.double().norm(dim=1)[order] for label, w in series.items()}
    if len(order) == 2:
        facts = f"With two classes the weights mirror each other: their norms hardly differ, whatever the counts. {facts}"
    return Measured(
        {
            "names": [classes.names[k] for k in order.tolist()],
            "counts": classes.counts[order].tolist(),
            "norms": {label: n.tolist() for label, n in norms.items()},
            "relative": {label: (n / n.mean().clamp(min=1e-300)).tolist() for label, n in norms.items()},
        },
        facts,
    )


def paint(numbers: Mapping[str, Any], canvas: Canvas) -> None:
    """A line for each way to train."""
    (axes,) = canvas.panels(1, height=3.0, legend=2)
    counts = np.array(numbers["counts"], dtype=float)
    entries = []
    for (label, values), name in zip(numbers["relative"].items(), ("s1", "s0", "s3", "s2")):
        colour, values = canvas.colours[name], np.array(values)
        if len(counts) > MANY:
            axes.plot(counts, values, "o", color=colour, markersize=3, alpha=0.35)
            axes.plot(counts, running_mean(values, len(counts) // 8), color=colour, linewidth=1.6)
        else:
            axes.plot(counts, values, "o-", color=colour, markersize=5, linewidth=1.2)
        entries.append((label, colour, "o"))
    axes.set_ylim(0, None)
    logarithmic(axes.xaxis)
    axes.set_xlabel("training examples of the class", fontsize=9)
    axes.set_title("norm of the class weight, over the mean of all classes", fontsize=9)
    canvas.legend(entries)


FIGURE = Figure(
    name="weight-norms",
    title="Class weights grow with the count",
    teaches="Trained on a long tail, frequent classes get longer weight vectors and win close calls by that. Tau-norm "
    "evens the lengths out afterwards, and LWS learns them anew on balanced batches. Weight decay is a third way: the "
    "picture says whether it does so here.",
    measure=measure,
    paint=paint,
)
