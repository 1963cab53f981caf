"""SelfPaced: experts for classes of similar size teach one student, each until the student has caught up (LFME).

Paper: Xiang, Ding and Han, "Learning From Multiple Experts: Self-paced Knowledge Distillation for Long-tailed
Classification", ECCV 2020, equations 3 to 8:
``L = mean_i u_i CE(z_i, y_i) + sum_g w_g KL(softmax(z^E_g / T) || softmax(z_g / T))`` on the logits of group g's classes.

| symbol | here |
|---|---|
| groups of classes | ``Labels.runs`` (one run a teacher), or ``shots``: many, medium, few |
| w_g, alpha | ``pace``, ``threshold``; anew at each of ``epochs`` equal parts of the stage |
| A_S, A_E | accuracy of student (all classes) and expert (its own) on the group's training inputs, not augmented |
| v_i, scaled into [t_g, 1] a class | ``scaled_confidence``; t_g is the rarest group's mean class size over g's |
| u_i = v_i + (1 - v_i) e / (E / 2) | ``curriculum`` |

Differs from the authors' code: u weighs the loss, as in the paper (theirs multiplies the logits, and those that are
distilled: ``weighs="logits"``), and stays at 1 after half the stage (theirs goes on to 2 - v); v_i is of the augmented
input at hand (theirs of the plain image, once); accuracies are on training inputs (theirs on a validation set); an
expert has the full head, of which its classes' logits are used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail.classes import Classes
from longtail.net import Net
from longtail.objectives._modes import evaluating
from longtail.objectives.supervised import Batch, per_example

Embed = Callable[[Net], tuple[Tensor, Tensor]]


def pace(student: Tensor, expert: Tensor, threshold: float) -> Tensor:
    """Each expert's weight from accuracies ``[G]``: 1 while the student is below ``threshold`` times the expert, then
    falling to 0 where it has caught up.

    >>> pace(torch.tensor([0.1, 0.6, 0.9]), torch.tensor([0.8, 0.8, 0.8]), threshold=0.5).round(decimals=3).tolist()
    [1.0, 0.5, 0.0]
    """
    gap = (expert - student) / (expert * (1 - threshold)).clamp_min(1e-12)
    return torch.where(student < threshold * expert, 1.0, gap.clamp(0.0, 1.0))


def curriculum(confidence: Tensor, t: float) -> Tensor:
    """u: from ``confidence`` at the start to 1 at half the stage.

    >>> curriculum(torch.tensor([0.2, 1.0]), 0.25).tolist()
    [0.6000000238418579, 1.0]
    """
    return confidence + (1 - confidence) * min(1.0, 2 * t)


def scaled_confidence(p: Tensor, low: Tensor, high: Tensor, start: Tensor) -> Tensor:
    """``p`` moved from [low, high] into [start, 1]; 1 where the range is empty. All ``[B]``.

    >>> one = torch.ones(3)
    >>> scaled_confidence(torch.tensor([0.2, 0.5, 0.8]), 0.2 * one, 0.8 * one, 0.5 * one).round(decimals=3).tolist()
    [0.5, 0.75, 1.0]
    """
    share = torch.where(high > low, (p - low) / (high - low).clamp_min(1e-12), 1.0)
    return start + (1 - start) * share.clamp(0.0, 1.0)


class SelfPaced(nn.Module):
    """The student's loss under the curriculum, and the experts' distillation at their own pace.

    Args:
        loss: ``(logits, y) -> scalar``, from the stage, with a ``reduction``.
        teachers: one expert a group, from the most frequent classes to the rarest (a fact).
        counts: training examples per class (a fact).
        embed: ``net -> (features, y)`` over the training inputs (a fact).
        epochs: how often in the stage the experts' weights are set anew: its epochs.
        temperature: T > 0.
        threshold: alpha in [0, 1).
        shots: ``(many, few)``: groups of many, medium and few examples instead of runs of classes.
        weighs: what u multiplies: the "loss" (paper) or the "logits" (authors' code).

    Raises:
        ValueError: no teachers or not one a group, a group without a class, or a number out of range.
    """

    pace: Tensor
    low: Tensor
    high: Tensor
    start: Tensor
    group_of: Tensor
    expert_accuracy: Tensor

    def __init__(
        self,
        loss: nn.Module,
        teachers: tuple[Net, ...],
        counts: Tensor,
        embed: Embed,
        epochs: int,
        temperature: float = 2.0,
        threshold: float = 0.3,
        shots: tuple[int, int] | None = None,
        weighs: str = "loss",
    ) -> None:
        super().__init__()
        if not temperature > 0 or not 0 <= threshold < 1 or epochs < 1:
            raise ValueError(
                f"temperature={temperature} must be above 0, threshold={threshold} in [0, 1), epochs={epochs} at least 1"
            )
        if weighs not in ("loss", "logits"):
            raise ValueError(f"weighs={weighs!r} must be 'loss' or 'logits'")
        classes = Classes.of(counts)
        groups = classes.runs(len(teachers)) if shots is None else tuple(classes.groups(*shots).values())
        if len(groups) != len(teachers) or any(len(g) == 0 for g in groups):
            sizes = [len(g) for g in groups]
            raise ValueError(
                f"shots={shots} makes groups of {sizes} classes for {len(teachers)} teachers: move the thresholds, or "
                "leave shots out for groups of equally many classes"
            )
        self.loss, self.teachers, self.embed = loss, teachers, embed
        self.epochs, self.temperature, self.threshold, self.weighs = epochs, temperature, threshold, weighs
        self.part_of_stage = (
            -1
        )  # which of the ``epochs`` the weights in ``pace`` are of; saved as extra state
        for k, members in enumerate(groups):
            self.register_buffer(f"group_{k}", members, persistent=False)
        group_of = torch.empty(classes.num_classes, dtype=torch.int64)
        for g, members in enumerate(groups):
            group_of[members] = g
        shots_of = torch.stack([counts[g].double().mean() for g in groups])
        start = (shots_of.amin() / shots_of.clamp_min(1)).clamp(max=1).float()[group_of]
        low, high = torch.ones(classes.num_classes), torch.zeros(classes.num_classes)
        accuracy = torch.zeros(len(groups))
        for g, (members, teacher) in enumerate(zip(groups, teachers)):
            logits, y = self._logits(teacher)
            mine = torch.isin(y, members)
            of_mine = logits[mine][:, members].softmax(1)
            where = torch.searchsorted(members.sort().values, y[mine])
            column = members.argsort()[where]
            p = of_mine.gather(1, column[:, None]).squeeze(1)
            low.scatter_reduce_(0, y[mine], p, "amin")
            high.scatter_reduce_(0, y[mine], p, "amax")
            accuracy[g] = (of_mine.argmax(1) == column).float().mean()
        self.register_buffer("pace", torch.ones(len(groups)))
        self.register_buffer("low", low)
        self.register_buffer("high", high)
        self.register_buffer("start", start)
        self.register_buffer("group_of", group_of)
        self.register_buffer("expert_accuracy", accuracy)

    def forward(
        self, net: nn.Module, streams: Sequence[Batch], t: float, generator: torch.Generator
    ) -> dict[str, Tensor]:
        x, y = streams[0]
        if self.part_of_stage != (now := int(t * self.epochs + 1e-9)):
            self.part_of_stage = now
            self.pace.copy_(pace(self.student_accuracy(net), self.expert_accuracy, self.threshold))
        groups = [self.get_buffer(f"group_{k}") for k in range(len(self.teachers))]
        with torch.no_grad():
            taught = [teacher(x)[:, g] for teacher, g in zip(self.teachers, groups)]
            own = torch.full((len(y), len(self.low)), -torch.inf, device=y.device, dtype=taught[0].dtype)
            for g, logits in zip(groups, taught):
                own[:, g] = logits.log_softmax(1)
            p = own.gather(1, y[:, None]).squeeze(1).exp()
            u = curriculum(scaled_confidence(p, self.low[y], self.high[y], self.start[y]), t)
        logits = net(x)
        if self.weighs == "logits":
            logits = u[:, None] * logits
            terms = {"student": self.loss(logits, y)}
        else:
            terms = {"student": (u * per_example(self.loss, logits, y)).mean()}
        for k, (g, of_expert) in enumerate(zip(groups, taught)):
            q = (of_expert / self.temperature).log_softmax(1)
            log_p = (logits[:, g] / self.temperature).log_softmax(1)
            terms[f"expert {k}"] = self.pace[k] * (q.exp() * (q - log_p)).sum(1).mean()
        return terms

    def get_extra_state(self) -> Tensor:
        """Which part of the stage the weights are of: a tensor on the CPU, so that looking at it stalls no device."""
        return torch.tensor(self.part_of_stage)

    def set_extra_state(self, state: Tensor) -> None:
        self.part_of_stage = int(state)

    def student_accuracy(self, net: Any) -> Tensor:
        """The student's accuracy on the training inputs of each group ``[G]``, among all classes."""
        logits, y = self._logits(net)
        group = self.group_of.cpu()[y]
        hit = (logits.argmax(1) == y).float()
        n = torch.bincount(group, minlength=len(self.teachers)).clamp(min=1)
        return (torch.bincount(group, weights=hit, minlength=len(self.teachers)) / n).to(self.pace)

    def _logits(self, net: Net) -> tuple[Tensor, Tensor]:
        """Logits of all training inputs on the CPU, in evaluation mode; every module's mode stays as it was."""
        with torch.no_grad(), evaluating(net):
            features, y = self.embed(net)
            device = next(net.parameters()).device
            logits = torch.cat([net.head(f.to(device)).cpu() for f in features.split(4096)])
        return logits, y.cpu()

        return None
