"""The laws of surgery, for your own too: ``check_surgery(part(MySurgery))``.

Each law is a function of an unbuilt surgery and the net it is tried on; it raises AssertionError naming what
broke.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from longtail.net import Net
from longtail.part import Part
from longtail.roles import spec_of, traits_of
from longtail.testing.head import CLASSES, DIM, features
from longtail.testing.head import facts as head_facts

Subject = Callable[[], Net]


def toy_net() -> Net:
    """A two-layer backbone with BatchNorm under a linear head, always the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        backbone = nn.Sequential(nn.Linear(DIM, DIM), nn.BatchNorm1d(DIM), nn.ReLU())
        return Net(backbone, nn.Linear(DIM, CLASSES)).eval()


def embed(net: Net) -> tuple[Tensor, Tensor]:
    """Fixed training features of ``net`` and labels in which every class occurs."""
    x = features(40).to(next(net.parameters()))
    with torch.no_grad():
        return copy.deepcopy(net.backbone).eval()(x), torch.arange(40) % CLASSES


def facts() -> dict[str, Any]:
    """What a recipe would fill in."""
    return {**head_facts(), "embed": embed}


def check_surgery(surgery: Part[Any], net: Subject = toy_net) -> None:
    """Every law, in turn.

    Args:
        surgery: the part; facts are filled by name.
        net: makes the net to operate on, the same at each call.

    Raises:
        AssertionError: a law is broken; the message begins with its name.

    >>> from longtail.part import part
    >>> from longtail.surgery import TauNormalize
    >>> check_surgery(part(TauNormalize, tau=0.7))
    """
    for name, law in LAWS.items():
        torch.manual_seed(0)
        try:
            law(surgery, net)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def the_argument_stays(surgery: Part[Any], subject: Subject) -> None:
    net = subject()
    modules, before = dict(net.named_modules()), copy.deepcopy(net.state_dict())
    new = surgery.build(**facts())(net)
    assert new is not net, "it returned the net it was given"
    assert dict(net.named_modules()) == modules, "it replaced modules of the net it was given"
    for key, value in net.state_dict().items():
        assert value.equal(before[key]), f"it changed {key} of the net it was given"
    with torch.no_grad():
        for parameter in new.head.parameters():
            parameter.add_(1.0)
    for key, value in net.state_dict().items():
        assert value.equal(before[key]), f"training the new head changes {key} of the old net"


def the_backbone_stays(surgery: Part[Any], subject: Subject) -> None:
    net = subject()
    before = copy.deepcopy(net.backbone.state_dict())
    after = surgery.build(**facts())(net).backbone.state_dict()
    assert list(after) == list(before), "the backbone has other parameters"
    for key, value in after.items():
        assert value.equal(before[key]), f"it changed {key} of the backbone"


def the_result_is_a_net_of_the_same_size(surgery: Part[Any], subject: Subject) -> None:
    net = subject()
    for mode in (True, False):
        new = surgery.build(**facts())(net.train(mode))
        assert isinstance(new, Net), f"it returned a {type(new).__name__}"
        assert (new.feature_dim, new.num_classes) == (net.feature_dim, net.num_classes), "other sizes"
        assert new.training == mode, "it changed between train and eval mode"
    z = new.eval()(features())
    assert z.shape == (6, CLASSES), f"logits have shape {tuple(z.shape)}"
    assert z.isfinite().all(), "logits are not finite"
    assert surgery.build(**facts())(net.double()).eval()(features().double()).dtype == torch.float64, (
        "dtype lost"
    )


def one_seed_one_result(surgery: Part[Any], subject: Subject) -> None:
    def once() -> Tensor:
        torch.manual_seed(5)
        z: Tensor = surgery.build(**facts())(subject()).eval()(features())
        return z

    assert once().equal(once()), "the same seed gives another net"


def the_new_head_can_be_rebuilt(surgery: Part[Any], subject: Subject) -> None:
    new = surgery.build(**facts())(subject()).eval()
    spec = spec_of(new.head)
    assert spec is not None, "the new head has no spec (a Part) to be rebuilt from"
    head = spec.build()
    head.load_state_dict(new.head.state_dict())
    assert Net(new.backbone, head).eval()(features()).equal(new(features())), "the rebuilt head differs"


def the_prior_is_one_or_unknown(surgery: Part[Any], subject: Subject) -> None:
    built = surgery.build(**facts())
    before = facts()["prior"]
    for given in (before, None):
        after = built.assumes(given)
        if after is not None:
            assert given is not None, "it claims a prior for logits of unknown prior"
            assert after.shape == given.shape, f"its prior has shape {tuple(after.shape)}"
            assert abs(float(after.sum()) - 1) < 1e-6, f"its prior sums to {float(after.sum())}"
    if built.assumes(before) is not None and before.equal(built.assumes(before)):
        net, x = subject(), features()
        assert built(net).eval()(x).allclose(net.eval()(x)), "it claims the same prior and changes the logits"


def it_says_that_it_works_on_nets(surgery: Part[Any], subject: Subject) -> None:
    said = traits_of(surgery.target).works_on
    assert said == "net", f"its class has works_on = {said!r}, and surgery works on nets: works_on = 'net'"


LAWS: dict[str, Callable[[Part[Any], Subject], None]] = {
    law.__name__: law
    for law in (
        the_argument_stays,
        the_backbone_stays,
        the_result_is_a_net_of_the_same_size,
        one_seed_one_result,
        the_new_head_can_be_rebuilt,
        the_prior_is_one_or_unknown,
        it_says_that_it_works_on_nets,
    )
}
