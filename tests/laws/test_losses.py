"""Every law for every loss. The room is walked: a new file is tested without being listed.

What the laws must know of a loss (neutral arguments, its reference, inputs that are not logits) stands in
``loss_traits/<file of the loss>.py``; a loss without such a file is tested with the plain traits.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import pkgutil
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import longtail.losses
from longtail.part import Part, part
from longtail.testing.loss import LAWS
from longtail.testing.loss_running import law_compiles
from longtail.testing.loss_traits import LossTraits, build, draw, value_and_gradients
from longtail.testing.ranks import on_ranks

HERE = Path(__file__).parent


def losses() -> dict[str, type[nn.Module]]:
    """Every public Module class defined in a file of the room."""
    found = {}
    for info in pkgutil.iter_modules(longtail.losses.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"longtail.losses.{info.name}")
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if (
                issubclass(kind, nn.Module)
                and kind.__module__ == module.__name__
                and not name.startswith("_")
            ):
                found[name] = kind
    return found


def traits_of(kind: type[nn.Module]) -> LossTraits:
    path = HERE / "loss_traits" / f"{kind.__module__.rpartition('.')[2]}.py"
    if not path.exists():
        return LossTraits()
    spec = importlib.util.spec_from_file_location(f"loss_traits_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    traits: LossTraits = module.TRAITS.get(kind.__name__, LossTraits())
    return traits


LOSSES = losses()


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", LOSSES)
def test_law(name: str, law: str) -> None:
    traits, loss = traits_of(LOSSES[name]), part(LOSSES[name])
    assert not (unknown := set(traits.exempt) - set(LAWS)), f"no such law: {unknown}"
    if law in traits.exempt:
        pytest.skip(traits.exempt[law])
    torch.manual_seed(0)
    LAWS[law](loss, traits)


@pytest.mark.parametrize("name", LOSSES)
def test_blocks_of_rows_change_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In eager mode a large batch is worked through in blocks: here a row or two at a time."""
    traits, loss = traits_of(LOSSES[name]), part(LOSSES[name])
    got = []
    for size in (2**17, 8):
        monkeypatch.setattr("longtail.losses._fused.BLOCK", size)
        torch.manual_seed(0)
        got.append(value_and_gradients(build(loss, traits), draw(traits)))
    (whole, slopes), (in_blocks, others) = got
    torch.testing.assert_close(in_blocks, whole, rtol=1e-12, atol=1e-12)
    for slope, other in zip(slopes, others):
        torch.testing.assert_close(other, slope, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_backward_again(name: str) -> None:
    """A kept graph gives its gradient again, and one that can be differentiated has the same value."""
    inputs = draw(traits_of(LOSSES[name]))
    leaf = inputs[0].clone().requires_grad_()
    loss = build(part(LOSSES[name]), traits_of(LOSSES[name]))(leaf, *inputs[1:])
    first, again, smooth = (
        torch.autograd.grad(loss.sum(), leaf, retain_graph=True, create_graph=create)[0]
        for create in (False, False, True)
    )
    torch.testing.assert_close(again, first, rtol=0, atol=0)
    torch.testing.assert_close(smooth, first, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_compiles_to_machine_code(name: str) -> None:
    traits = traits_of(LOSSES[name])
    if "compiles" in traits.exempt:
        pytest.skip(traits.exempt["compiles"])
    law_compiles(part(LOSSES[name]), traits, backend="inductor")


@pytest.mark.parametrize("name", LOSSES)
def test_is_public(name: str) -> None:
    assert name in longtail.losses.__all__


@pytest.mark.parametrize("name", LOSSES)
def test_documented(name: str) -> None:
    """Each file says where the loss comes from and what differs; each class and function has a runnable
    example.
    """
    home = sys.modules[LOSSES[name].__module__]
    assert "Differs from" in (home.__doc__ or ""), (
        f"{home.__name__} does not say what differs from the authors' code"
    )
    assert ">>>" in (LOSSES[name].__doc__ or ""), f"{name} has no example"


def stateful() -> list[str]:
    """The losses whose buffers a call in train mode changes."""
    out = []
    for name, kind in LOSSES.items():
        traits = traits_of(kind)
        module = build(part(kind), traits)
        before = {k: v.clone() for k, v in module.state_dict().items()}
        module(*draw(traits))
        if any(not torch.equal(v, before[k]) for k, v in module.state_dict().items()):
            out.append(name)
    return out


def _rank(rank: int, folder: str, names: list[str]) -> None:
    """One of two processes: two calls on its half of the batch."""
    found = {name: _two_calls(name, slice(rank * 4, rank * 4 + 4)) for name in names}
    Path(folder, f"{rank}.json").write_text(json.dumps(found))


def _two_calls(name: str, some: slice) -> tuple[list[float], list[list[float]]]:
    traits = traits_of(LOSSES[name])
    module = build(part(LOSSES[name]), traits)
    values = []
    for seed in (0, 1):
        values.append(module(*(t[some] for t in draw(traits, batch=8, seed=seed))).item())
    return values, [v.double().flatten().tolist() for v in module.state_dict().values()]


def test_two_ranks_equal_one(tmp_path: Path) -> None:
    """Stateful losses: two ranks on half a batch each count, and average to, what one process does on the
    whole.
    """
    names = stateful()
    assert "Seesaw" in names
    on_ranks(_rank, 2, str(tmp_path), names)
    got = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    for name in names:
        values, state = _two_calls(name, slice(None))
        first, second = got[0][name], got[1][name]
        assert first[1] == second[1], f"{name}: the ranks' states differ"
        for mine, whole in zip(first[1], state):
            assert mine == pytest.approx(whole, rel=1e-6), f"{name}: the state is not that of one process"
        means = [(a + b) / 2 for a, b in zip(first[0], second[0])]
        assert means == pytest.approx(values, rel=1e-6), (
            f"{name}: the ranks' mean loss is not that of one process"
        )


def test_every_traits_file_belongs_to_a_loss() -> None:
    files = {p.stem for p in (HERE / "loss_traits").glob("*.py")}
    homes = {kind.__module__.rpartition(".")[2] for kind in LOSSES.values()}
    assert files <= homes, f"no loss file for {files - homes}"


def test_a_part_of_the_room_is_a_part() -> None:
    assert all(isinstance(part(kind), Part) for kind in LOSSES.values())
