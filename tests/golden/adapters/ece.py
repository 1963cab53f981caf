from golden_cases import Case, Deviation, assert_same

from longtail.metrics import bin_edges, expected_calibration_error, max_calibration_error, reliability_bins


def run(case: Case) -> dict:
    conf, bins = case.number("confidences"), case.params["num_bins"]
    right = case.whole("true_labels") == case.whole("pred_labels")
    binned = reliability_bins(conf, right, bins)
    return {
        "accuracies": binned["accuracy"],
        "confidences": binned["confidence"],
        "counts": binned["weight"],
        "bins": bin_edges(bins),
        "avg_accuracy": right.double().mean(),
        "avg_confidence": conf.mean(),
        "expected_calibration_error": expected_calibration_error(binned),
        "max_calibration_error": max_calibration_error(binned),
    }


def zero_counts_in_the_first_bin(case: Case) -> None:
    """All but the first bin, and the averages, are the reference's; the first holds the zeros too."""
    got, want = run(case), dict(case.expected)
    zeros = case.inputs["confidences"].count(0)
    assert got["counts"][0] == want["counts"][0] + zeros
    assert got["counts"].sum() == len(case.inputs["confidences"])
    for key in ("accuracies", "confidences", "counts"):
        assert_same(got[key][1:], want[key][1:], 1e-9, key)
    for key in ("bins", "avg_accuracy", "avg_confidence"):
        assert_same(got[key], want[key], 1e-9, key)


DEVIATIONS = [
    Deviation(
        when=lambda case: 0 in case.inputs["confidences"],
        why="the reference drops a confidence of exactly 0; every example counts",
        instead=zero_counts_in_the_first_bin,
    )
]
