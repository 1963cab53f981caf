"""Every case of every golden file: matched to rtol 1e-9, or a written deviation with a test of what we do
instead.
"""

from __future__ import annotations

import json

import pytest
from golden_cases import FOLDER, Case, Deviation, adapter_of, assert_same, cases_of, files

CASES = [case for path in files() for case in cases_of(path)]


def test_the_folder_holds_files() -> None:
    assert CASES, f"no golden file in {FOLDER}"


@pytest.mark.parametrize("path", files(), ids=lambda p: p.stem)
def test_no_file_is_left_out(path) -> None:  # type: ignore[no-untyped-def]
    method = json.loads(path.read_text())["method"]
    adapter = adapter_of(method)
    assert adapter is not None, f"{path.name} has no adapter tests/golden/adapters/{method}.py"
    known = hasattr(adapter, "run") or getattr(adapter, "DEVIATIONS", ())
    assert known, f"adapters/{method}.py has neither run nor DEVIATIONS"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden(case: Case) -> None:
    adapter = adapter_of(case.method)
    assert adapter is not None, f"no adapter for {case.method}"
    deviation: Deviation
    for deviation in getattr(adapter, "DEVIATIONS", ()):
        if deviation.when(case):
            assert deviation.why
            deviation.instead(case)
            return
    elsewhere: dict[str, str] = getattr(adapter, "ELSEWHERE", {})
    want = {key: value for key, value in case.expected.items() if key not in elsewhere}
    rtol = adapter.rtol(case) if hasattr(adapter, "rtol") else 1e-9
    assert_same(adapter.run(case), want, rtol, str(case))


def test_the_comparison_notices_a_difference() -> None:
    with pytest.raises(AssertionError):
        assert_same({"loss": 1.0 + 1e-8}, {"loss": 1.0}, 1e-9, "here")
    with pytest.raises(AssertionError):
        assert_same({}, {"loss": 1.0}, 1e-9, "here")
    with pytest.raises(AssertionError):
        assert_same({"grad": [1.0, 0.0]}, {"grad": [1.0, "nan"]}, 1e-9, "here")
    assert_same({"grad": [1.0, float("nan")]}, {"grad": [1.0, "nan"]}, 1e-9, "here")
