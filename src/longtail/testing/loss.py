"""The laws every loss must keep, as checks for your own losses too: ``check_loss(part(MyLoss))``.

A loss is a Module called with ``(logits [B, C], target [B])``, built from the facts ``counts``, ``prior``
and ``num_classes`` where its constructor names them. Each law is a function of the part and its
:class:`LossTraits`; it raises AssertionError naming what broke. A law that cannot hold for a loss is named
in ``LossTraits.exempt`` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from longtail.part import Part
from longtail.testing import loss_inputs, loss_maths, loss_running
from longtail.testing.loss_traits import LossTraits

LAWS: dict[str, Callable[[Part[nn.Module], LossTraits], None]] = {
    name.removeprefix("law_").replace("_", " "): law
    for home in (loss_maths, loss_inputs, loss_running)
    for name, law in vars(home).items()
    if name.startswith("law_")
}
"""Name -> law."""


def check_loss(loss: Part[nn.Module], traits: LossTraits | None = None) -> None:
    """Every law, in turn.

    Raises:
        AssertionError: a law is broken; the message begins with its name.

    >>> from longtail.losses import Focal
    >>> from longtail.part import part
    >>> check_loss(part(Focal, gamma=2.0), LossTraits(neutral={"gamma": 0.0}))
    """
    traits = traits or LossTraits()
    for name, law in LAWS.items():
        if name in traits.exempt:
            continue
        try:
            law(loss, traits)
        except Exception as error:
            raise AssertionError(f"{name}: {loss} breaks this law: {error}") from error
