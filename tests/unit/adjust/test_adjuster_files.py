"""Saved adjusters: exact, small, refused where not ours, and usable without torch."""

from __future__ import annotations

import json
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
    ],
    ids=str,
)
def test_other_files_are_refused(tmp_path: Path, data) -> None:
    (tmp_path / "file.json").write_text(json.dumps(data))
    with pytest.raises(ValueError):
        load(tmp_path / "file.json")
