import math

import numpy as np
import pytest

from longtail.bench import Draw, components, rank_agreement, spearman


def test_spearman_equals_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    for n in (2, 3, 10, 33):
        a, b = rng.integers(0, 6, n).astype(float), rng.normal(size=n)
        want = stats.spearmanr(a, b).statistic if np.ptp(a) else math.nan
        assert spearman(a, b) == pytest.approx(want, abs=1e-9, nan_ok=True)
    assert math.isnan(spearman([1, 1], [1, 2]))
    with pytest.raises(ValueError, match="3 values and b 2"):
        spearman([1, 2, 3], [1, 2])


def test_the_interval_is_wide_for_noise_and_narrow_for_agreement():
    rng = np.random.default_rng(1)
    theirs = {str(k): float(k) for k in range(20)}
    noise = {k: [rng.normal()] for k in theirs}
    close = {k: [v + rng.normal() for _ in range(3)] for k, v in theirs.items()}
    rho, low, high, n = rank_agreement(noise, theirs)
    assert n == 20
    assert low < 0 < high
    assert low < rho < high
    rho, low, high, _ = rank_agreement(close, theirs)
    assert low > 0.8
    assert rho > 0.9
    assert rank_agreement(close, theirs) == rank_agreement(close, theirs)


def test_recipes_without_a_published_number_are_left_out():
    rho, low, _, n = rank_agreement({"a": [1], "b": [2], "c": [3]}, {"a": 1, "b": 2, "d": 0})
    assert (rho, n) == (1.0, 2)
    assert math.isnan(low)


def test_components_recover_known_variances():
    rng = np.random.default_rng(2)
    sd = {"subset": 3.0, "init": 2.0, "order": 1.0}
    effect = {f: rng.normal(size=2000) * s for f, s in sd.items()}

    def score(subset, init, order):
        return effect["subset"][subset] + effect["init"][init] + rng.normal() * sd["order"]

    draws = [Draw()] + [Draw(**{f: k}) for f in sd for k in range(1, 2000)]
    found = components({d: score(d.subset, d.init, d.order) for d in draws})
    for factor, (_, own, n) in found.items():
        assert n == 2000
        assert own == pytest.approx(sd[factor], rel=0.1)
    assert found["subset"][0] == pytest.approx(math.hypot(3, 1), rel=0.1)


def test_a_factor_that_did_not_vary_is_not_there():
    assert components({Draw(): 1.0, Draw(1, 1, 1): 2.0}) == {}
    assert math.isnan(components({Draw(): 1.0, Draw(init=1): 2.0})["init"][1])
