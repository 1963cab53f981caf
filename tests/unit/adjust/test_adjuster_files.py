"""Saved adjusters: exact, small, refused where not ours, and usable without torch."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from longtail.adjust import BiasTemperature, Chain, PriorShift, load, save
from longtail.testing.adjuster import facts, held_out

WITHOUT_TORCH = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is absent")
sys.meta_path.insert(0, Absent())
import numpy as np
from longtail.adjust import load
adjusted = load(sys.argv[1])(np.load(sys.argv[2]))
assert "torch" not in sys.modules
np.save(sys.argv[3], adjusted)
"""


def fitted() -> Chain:
    return Chain((BiasTemperature(), PriorShift(facts()["prior"]))).fit(*held_out())


def test_the_round_trip_is_exact(tmp_path: Path) -> None:
    z = held_out()[0]
    save(fitted(), tmp_path / "adjuster.json")
    assert (load(tmp_path / "adjuster.json")(z) == fitted()(z)).all()
    assert (tmp_path / "adjuster.json").stat().st_size < 4000


def test_it_works_without_torch(tmp_path: Path) -> None:
    z = held_out()[0]
    save(fitted(), tmp_path / "adjuster.json")
    np.save(tmp_path / "z.npy", z)
    paths = [str(tmp_path / name) for name in ("adjuster.json", "z.npy", "out.npy")]
    run = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *paths], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert (np.load(tmp_path / "out.npy") == fitted()(z)).all()


def saved_part(name: str, **kwargs: object) -> dict[str, object]:
    return {"format": "longtail-adjuster-1", "adjuster": {"part": name, "kwargs": kwargs}}


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"adjuster": {}},
        {"format": "longtail-adjuster-1", "adjuster": {"part": "os:system", "kwargs": {}}},
        {"format": "longtail-adjuster-1", "adjuster": {"part": "longtail.heads.linear:Linear", "kwargs": {}}},
        {
            "format": "longtail-adjuster-1",
            "adjuster": {
                "part": "longtail.adjust.chain:Chain",
                "kwargs": {"adjusters": [{"part": "torch.optim.sgd:SGD", "kwargs": {}}]},
            },
        },
        {"format": "longtail-adjuster-1", "adjuster": {}},
        saved_part("longtail.adjust.chain:Chain", adjusters=3),
        saved_part(
            "longtail.adjust.bias_temperature:BiasTemperature", temperature="x", bias=[0], assumes=[1]
        ),
        saved_part("longtail.adjust.temperature:Temperature", heat=3),
        # found by tests/fuzz
        saved_part(
            "longtail.adjust.vector_scaling:VectorScaling",
            weight=[1, 1],
            bias=[0, math.nan],
            assumes=[0.5, 0.5],
        ),
        saved_part("longtail.adjust.prior_shift:PriorShift", prior=[0.9, 0.1], tau=1e310),
        saved_part("longtail.adjust.prior_shift:PriorShift", prior=[0.9, 0.1], tau=1e10),
        saved_part("longtail.adjust.prior_shift:PriorShift", prior=[0.9, 0.1], eps=math.inf),
    ],
    ids=str,
)
def test_other_files_are_refused(tmp_path: Path, data) -> None:
    (tmp_path / "file.json").write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"file\.json"):
        load(tmp_path / "file.json")


def test_a_forged_adjuster_calls_no_function_of_ours(tmp_path: Path) -> None:
    """It overwrote any file: ``save`` is public, and lies in longtail.adjust."""
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("years of work")
    inner = saved_part("longtail.adjust.temperature:Temperature", temperature=2.0)["adjuster"]
    forged = saved_part("longtail.adjust.files:save", adjuster=inner, path=str(thesis))
    chained = saved_part("longtail.adjust.chain:Chain", adjusters=[inner, forged["adjuster"]])
    for data in (forged, chained):
        (tmp_path / "file.json").write_text(json.dumps(data))
        with pytest.raises(
            ValueError,
            match=r"part 'longtail\.adjust\.files:save': longtail .* has no 'save' in adjust\. Another version",
        ):
            load(tmp_path / "file.json")
    assert thesis.read_text() == "years of work"


@pytest.mark.parametrize("at", range(0, 300, 23))
def test_a_damaged_adjuster_is_named(tmp_path: Path, at: int) -> None:
    file = tmp_path / "adjuster.json"
    save(fitted(), file, ["a", "b", "c", "d"])
    raw = bytearray(file.read_bytes())
    raw[at] ^= 1
    file.write_bytes(raw)
    with pytest.raises(ValueError, match=r"adjuster\.json"):
        load(file)


def test_it_keeps_the_names_of_its_classes(tmp_path: Path) -> None:
    save(PriorShift([0.5, 0.5]), tmp_path / "adjuster.json", ["cat", "dog"])
    assert load(tmp_path / "adjuster.json").classes == ("cat", "dog")
    save(PriorShift([0.5, 0.5]), tmp_path / "adjuster.json")
    assert load(tmp_path / "adjuster.json").classes is None
