"""The laws of heads, for your own heads too: ``check_head(part(MyHead))``.

Each law is a function of an unbuilt head; it raises AssertionError naming what broke. Sizes and counts are
filled by name, as in a recipe.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from longtail.part import Part, from_json, to_json
from longtail.roles import TrainedElsewhere, spec_of

DIM, CLASSES = 8, 5
COUNTS = (500, 120, 30, 9, 2)


def facts(dim: int = DIM) -> dict[str, Any]:
    """What a recipe would fill in: sizes, counts and prior of a five-class long tail."""
    counts = torch.tensor(COUNTS)
    return {
        "feature_dim": dim,
        "num_classes": CLASSES,
        "counts": counts,
        "prior": counts.double() / counts.sum(),
    }


def features(rows: int = 6, dim: int = DIM, dtype: torch.dtype = torch.float32) -> Tensor:
    """Fixed features ``[rows, dim]``."""
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(1), dtype=dtype)


def check_head(head: Part[nn.Module], own: dict[str, Callable[..., Any]] | None = None) -> None:
    """Every law, in turn. ``own`` maps ``"module:name"`` to your classes, as :func:`longtail.part.from_json`
    takes it.

    Raises:
        AssertionError: a law is broken; the message begins with its name.

    >>> from longtail.heads import Cosine
    >>> from longtail.part import part
    >>> check_head(part(Cosine, scale=16.0))
    """
    for name, law in LAWS.items():
        torch.manual_seed(0)
        try:
            law(head, own or {})
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def sizes_are_told(head: Part[nn.Module], own: Any) -> None:
    built = head.build(**facts())
    assert built.in_features == DIM, f"in_features is {built.in_features!r}, built for {DIM}"
    assert built.out_features == CLASSES, f"out_features is {built.out_features!r}, built for {CLASSES}"


def eval_gives_one_finite_logit_per_class(head: Part[nn.Module], own: Any) -> None:
    for dtype in (torch.float32, torch.float64):
        built = head.build(**facts()).to(dtype).eval()
        for rows in (6, 1, 0):
            z = built(features(rows, dtype=dtype))
            assert z.shape == (rows, CLASSES), (
                f"logits have shape {tuple(z.shape)}, expected {(rows, CLASSES)}"
            )
            assert z.dtype == dtype, f"logits are {z.dtype} for {dtype} features"
            assert z.isfinite().all(), "logits are not finite"
        assert built(torch.zeros(2, DIM, dtype=dtype)).isfinite().all(), "zero features give no finite logits"


def eval_treats_each_example_alone(head: Part[nn.Module], own: Any) -> None:
    built, x = head.build(**facts()).double().eval(), features(dtype=torch.float64)
    alone = torch.cat([built(row.unsqueeze(0)) for row in x])
    assert alone.allclose(built(x), rtol=1e-10, atol=1e-10), "an example's logits depend on its batch"


def eval_has_no_effect(head: Part[nn.Module], own: Any) -> None:
    built, x = head.build(**facts()).eval(), features()
    before, state = copy.deepcopy(built.state_dict()), torch.get_rng_state()
    first, second = built(x), built(x)
    assert first.equal(second), "two eval passes differ"
    assert torch.get_rng_state().equal(state), "an eval pass draws random numbers"
    for key, value in built.state_dict().items():
        assert value.equal(before[key]), f"an eval pass changed {key}"


def gradients_reach_features_and_parameters(head: Part[nn.Module], own: Any) -> None:
    built, x = head.build(**facts()).double().train(), features(dtype=torch.float64).requires_grad_()
    z = built(x)
    (z * torch.randn(z.shape, generator=torch.Generator().manual_seed(2), dtype=z.dtype)).sum().backward()
    assert x.grad is not None, "no gradient reaches the features"
    assert x.grad.isfinite().all(), "the gradient for the features is not finite"
    elsewhere = built.trained_elsewhere if isinstance(built, TrainedElsewhere) else ()
    for name, parameter in built.named_parameters():
        if name in elsewhere:
            assert parameter.grad is None, f"{name} is said to be trained elsewhere, and gets a gradient"
            continue
        assert parameter.grad is not None, f"no gradient reaches {name}"
        assert parameter.grad.isfinite().all(), f"the gradient for {name} is not finite"


def spec_rebuilds_it(head: Part[nn.Module], own: Any) -> None:
    built = head.build(**facts()).train()
    built(features())
    spec = spec_of(built)
    assert isinstance(spec, Part), "it has no spec (a Part) to be rebuilt from"
    read = from_json(to_json(spec), own, "head")
    assert read == spec, f"its spec does not survive JSON: {read} is not {spec}"
    again = read.build()
    again.load_state_dict(built.state_dict())
    assert again.eval()(features()).equal(built.eval()(features())), "spec and state_dict give another head"


def copies_are_equal(head: Part[nn.Module], own: Any) -> None:
    built, x = head.build(**facts()).eval(), features()
    buffer = io.BytesIO()
    torch.save(built.state_dict(), buffer)
    buffer.seek(0)
    again = head.build(**facts()).eval()
    again.load_state_dict(torch.load(buffer, weights_only=True))
    for kind, other in (("deepcopy", copy.deepcopy(built)), ("state_dict", again)):
        assert other(x).equal(built(x)), f"a {kind} gives other logits"


LAWS: dict[str, Callable[[Part[nn.Module], Any], None]] = {
    law.__name__: law
    for law in (
        sizes_are_told,
        eval_gives_one_finite_logit_per_class,
        eval_treats_each_example_alone,
        eval_has_no_effect,
        gradients_reach_features_and_parameters,
        spec_rebuilds_it,
        copies_are_equal,
    )
}
