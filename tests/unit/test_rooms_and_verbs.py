"""What ``import longtail`` offers is there without another import, in whatever order it is asked for."""

import json
import math
import subprocess
import sys

import pandas as pd
import pytest

import longtail
from longtail import api

ASK = """
import json, sys, longtail
print(json.dumps({name: type(getattr(longtail, name)).__name__ for name in sys.argv[1:]}))
"""


def fresh(*args):
    done = subprocess.run([sys.executable, "-c", *args], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return done.stdout


def test_every_name_is_there_without_another_import():
    names = [
        name for name in longtail.__all__ if name != "LongTailClassifier"
    ]  # scikit-learn is slow to import
    assert {"bench", "run", "schedule", "kinds", "adjust"} <= set(names)
    found = json.loads(fresh(ASK, *names))
    assert list(found) == names
    assert found["run"] == found["schedule"] == "module"


@pytest.mark.parametrize("first", ["", "import longtail.api; ", "import longtail.adjust.files; "])
def test_a_verb_is_a_verb_whatever_was_imported_before(first):
    code = (
        f"{first}import longtail; print(callable(longtail.adjust), callable(longtail.bench), callable(longtail.losses)); "
        "print(longtail.adjust.PriorShift.__name__, longtail.bench.bench.__name__)"
    )
    assert fresh(code) == "True True False\nPriorShift bench\n"


def test_adjust_is_the_verb():
    predictions = pd.DataFrame({"p_a": [0.9, 0.6], "p_b": [0.1, 0.4]})
    found = longtail.adjust(predictions, counts=[90, 10], prior="balanced")
    assert isinstance(found, longtail.adjust.Adjusted)
    odds = found.predictions.logits[:, 1] - found.predictions.logits[:, 0]
    assert odds.tolist() == pytest.approx([0.0, math.log(0.4 / 0.6 * 9)])


def test_bench_is_the_verb(monkeypatch):
    monkeypatch.setattr(api, "bench", lambda *args, **how: (args, how))
    assert longtail.bench("cifar10-lt", data="here") == (("cifar10-lt",), {"data": "here"})


def test_the_room_of_adjusters_needs_no_torch():
    assert (
        fresh(
            "import sys; sys.modules['torch'] = None; import longtail.adjust; print(callable(longtail.adjust))"
        )
        == "True\n"
    )
