"""The laws of adjusters, for your own too: ``check_adjuster(part(MyAdjuster))``.

Each law is a function of an unbuilt adjuster; it raises AssertionError naming what broke. One that has a
``fit`` is fitted on held-out logits of a known problem first.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from longtail.part import Part, from_json, to_json
from longtail.roles import Fits, traits_of
from longtail.testing.head import CLASSES
from longtail.testing.head import facts as head_facts


def facts() -> dict[str, Any]:
    """What a recipe would fill in."""
    return {key: value for key, value in head_facts().items() if key != "feature_dim"}


def held_out(rows: int = 400, gain: float = 2.0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Logits ``[rows, 5]`` of a model that is ``gain`` times too sure, and labels from the prior of
    ``facts``.
    """
    rng = np.random.default_rng(0)
    prior = facts()["prior"].numpy()
    centres = 1.5 * rng.normal(size=(CLASSES, 3))
    y = rng.choice(CLASSES, rows, p=prior)
    y[:CLASSES] = np.arange(CLASSES)
    x = centres[y] + rng.normal(size=(rows, 3))
    distance = ((x[:, None] - centres) ** 2).sum(-1)
    return gain * (np.log(prior) - 0.5 * distance), y


def ready(adjuster: Part[Any]) -> Any:
    """The adjuster, built and, where it has a ``fit``, fitted."""
    built = adjuster.build(**facts())
    return built.fit(*held_out()) if isinstance(built, Fits) else built


def check_adjuster(adjuster: Part[Any], own: dict[str, Callable[..., Any]] | None = None) -> None:
    """Every law, in turn. ``own`` maps ``"module:name"`` to your classes, as :func:`longtail.part.from_json`
    takes it.

    Raises:
        AssertionError: a law is broken; the message begins with its name.

    >>> from longtail.adjust import PriorShift
    >>> from longtail.part import part
    >>> check_adjuster(part(PriorShift, to="balanced"))
    """
    for name, law in LAWS.items():
        try:
            law(adjuster, own or {})
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error


def numpy_and_torch_agree(adjuster: Part[Any], own: Any) -> None:
    made, z = ready(adjuster), held_out()[0]
    for dtype in (np.float32, np.float64):
        a, b = made(z.astype(dtype)), made(torch.from_numpy(z.astype(dtype)))
        assert isinstance(a, np.ndarray), f"numpy in, {type(a).__name__} out"
        assert isinstance(b, torch.Tensor), f"torch in, {type(b).__name__} out"
        assert str(a.dtype) == str(b.dtype).removeprefix("torch.") == np.dtype(dtype).name, (
            "the dtype changed"
        )
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-12 if dtype is np.float64 else 1e-5, atol=1e-5)
    assert made(z).shape == z.shape, f"{z.shape} in, {made(z).shape} out"


def the_input_stays(adjuster: Part[Any], own: Any) -> None:
    made, (z, y) = ready(adjuster), held_out()
    kept, tensor = z.copy(), torch.from_numpy(z.copy())
    made(z)
    made(tensor)
    if isinstance(made, Fits):
        made.fit(z, y)
    assert (z == kept).all(), "it changed the numpy logits it was given"
    assert (tensor.numpy() == kept).all(), "it changed the torch logits it was given"


def rows_are_independent(adjuster: Part[Any], own: Any) -> None:
    made, z = ready(adjuster), held_out()[0]
    alone = np.concatenate([made(row[None]) for row in z[:20]])
    np.testing.assert_allclose(alone, made(z)[:20], rtol=1e-12, atol=1e-12, err_msg="a row depends on others")


def the_argmax_is_kept_where_claimed(adjuster: Part[Any], own: Any) -> None:
    made, z = ready(adjuster), held_out()[0]
    assert isinstance(made.keeps_argmax, bool), "keeps_argmax must say True or False"
    if made.keeps_argmax:
        assert (made(z).argmax(1) == z.argmax(1)).all(), "keeps_argmax is True, and the argmax changed"


def fitting_makes_a_new_one_and_is_deterministic(adjuster: Part[Any], own: Any) -> None:
    built = adjuster.build(**facts())
    if not isinstance(built, Fits):
        return
    z, y = held_out()
    before, state = copy.deepcopy(vars(built)), torch.get_rng_state()
    first, second = built.fit(z, y), built.fit(torch.from_numpy(z), torch.from_numpy(y))
    assert repr(vars(built)) == repr(before), "fit changed the adjuster it was called on"
    assert torch.get_rng_state().equal(state), "fit draws from the global generator"
    assert (first(z) == second(z)).all(), "two fits on the same rows, numpy and torch, differ"
    order = np.random.default_rng(1).permutation(len(y))
    np.testing.assert_allclose(built.fit(z[order], y[order])(z), first(z), atol=1e-4, err_msg="order matters")


def json_keeps_it(adjuster: Part[Any], own: Any) -> None:
    made, z = ready(adjuster), held_out()[0]
    again = from_json(json.loads(json.dumps(made.to_json())), own, "adjuster").build()
    assert (again(z) == made(z)).all(), "after to_json and from_json it gives other logits"
    assert to_json(again.spec) == made.to_json(), "after to_json and from_json its JSON is another"


def the_prior_is_one_or_unknown(adjuster: Part[Any], own: Any) -> None:
    made, before = ready(adjuster), facts()["prior"]
    for given in (before, before.numpy(), None):
        after = made.assumes(given)
        if after is not None:
            assert after.shape == (CLASSES,), f"its prior has shape {tuple(after.shape)}"
            assert abs(float(after.sum()) - 1) < 1e-6, f"its prior sums to {float(after.sum())}"
            assert bool((after >= 0).all()), "its prior has a negative entry"
            assert isinstance(after, np.ndarray) == isinstance(given, np.ndarray), (
                "its prior is of another kind"
            )


def bad_rows_are_refused(adjuster: Part[Any], own: Any) -> None:
    made, (z, y) = ready(adjuster), held_out()
    probs = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    broken = z.copy()
    broken[7, 1] = np.nan
    attempts = [("probabilities in place of logits", lambda: made(probs), "probabilities")]
    if isinstance(made, Fits):
        fresh = adjuster.build(**facts())
        attempts += [
            ("a row with NaN", lambda: fresh.fit(broken, y), "row 7"),
            ("a label too many", lambda: fresh.fit(z, y + 1), "row"),
            ("fewer labels than rows", lambda: fresh.fit(z, y[:-1]), "y"),
        ]
    for what, attempt, word in attempts:
        try:
            attempt()
        except ValueError as error:
            message = str(error)
        else:
            message = ""
        assert message, f"{what} went through"
        assert word in message, f"{what}: the message does not name {word!r}: {message}"


def it_says_that_it_works_on_logits(adjuster: Part[Any], own: Any) -> None:
    said = traits_of(adjuster.target).works_on
    assert said == "logits", f"its class has works_on = {said!r}, and an adjuster works on logits"


LAWS: dict[str, Callable[[Part[Any], Any], None]] = {
    law.__name__: law
    for law in (
        numpy_and_torch_agree,
        the_input_stays,
        rows_are_independent,
        the_argmax_is_kept_where_claimed,
        fitting_makes_a_new_one_and_is_deterministic,
        json_keeps_it,
        the_prior_is_one_or_unknown,
        bad_rows_are_refused,
        it_says_that_it_works_on_logits,
    )
}
