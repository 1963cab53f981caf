"""Laws of a mixer: run ``check_mixer(MyMixer())`` in your own tests."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import torch
from torch import Tensor

from longtail.testing.sampler import _global_state, _seeded


def check_mixer(mixer: Any, num_classes: int = 7) -> None:
    """Hold a mixer ``(x, y, generator) -> (x, y_a, y_b, lam)`` to the laws, on images (uint8 and float).

    It follows from its generator alone and leaves global random states and its inputs as they were; keeps
    shape and range; ``y_a`` is ``y`` and ``y_b`` a re-ordering of it; ``lam`` is a scalar or one a row, in
    [0, 1]; a batch of equal images, and a batch of one, stay as they are.

    Args:
        num_classes: labels are drawn from 0..num_classes-1.

    Raises:
        AssertionError: a law does not hold; the message says which.

    >>> from longtail.mixing import Mixup
    >>> check_mixer(Mixup(alpha=0.2))
    """
    y = torch.randint(num_classes, (12,), generator=_seeded(0))
    bytes_ = torch.randint(256, (12, 3, 8, 8), dtype=torch.uint8, generator=_seeded(1))
    for x in (bytes_, bytes_.float(), bytes_.double()):
        fresh, x_before, y_before, state = copy.deepcopy(mixer), x.clone(), y.clone(), _global_state()
        mixed, y_a, y_b, lam = fresh(x, y, _seeded(2))
        assert _global_state() == state, "the mixer moved a global random state"
        assert torch.equal(x, x_before), "the mixer changed the inputs it was given"
        assert torch.equal(y, y_before), "the mixer changed the labels it was given"
        assert mixed.shape == x.shape, f"the mixer changed shape {tuple(x.shape)} to {tuple(mixed.shape)}"
        if not torch.equal(mixed, x):
            want = torch.float32 if x.dtype == torch.uint8 else x.dtype
            assert mixed.dtype == want, f"{x.dtype} became {mixed.dtype}, not {want}"
        assert -1e-3 <= float(mixed.min()) <= float(mixed.max()) <= 255 + 1e-3, (
            "the mixer left the range 0..255"
        )
        assert torch.equal(y_a, y), "y_a is not y"
        assert torch.equal(y_b.sort().values, y.sort().values), "y_b is not a re-ordering of y"
        assert isinstance(lam, Tensor), "lam must be a tensor"
        assert lam.shape in ((), (len(y),)), f"lam has shape {tuple(lam.shape)}: a scalar or one a row"
        assert 0 <= float(lam.min()) <= float(lam.max()) <= 1, "lam lies outside [0, 1]"
        again = pickle.loads(pickle.dumps(mixer))(x, y, _seeded(2))
        for got, want in zip(again, (mixed, y_a, y_b, lam)):
            assert torch.equal(got, want), "the same generator gave another mix"
        lams = torch.stack([copy.deepcopy(mixer)(x, y, _seeded(s))[3].mean() for s in range(20)])
        assert float(lams.std()) > 0, "lam does not depend on the generator"
        same = x[:1].expand_as(x)
        got = copy.deepcopy(mixer)(same, y, _seeded(3))[0].double()
        torch.testing.assert_close(got, same.double(), rtol=1e-5, atol=1e-4, msg="equal images did not stay")
        alone = copy.deepcopy(mixer)(x[:1], y[:1], _seeded(4))
        torch.testing.assert_close(
            alone[0].double(), x[:1].double(), rtol=1e-5, atol=1e-4, msg="a batch of one moved"
        )
