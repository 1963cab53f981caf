from golden_cases import Case

from longtail.part import part, switch
from longtail.weights import effective_number


def run(case: Case) -> dict:
    """Epochs count from 1 there: LDAM's weights start at START_EPOCH, the other losses' one epoch later."""
    epoch, start, n = case.params["epoch_one_based"], case.params["START_EPOCH"], case.whole("class_counts")
    epochs = max(2 * start, epoch + 1)
    late = part(effective_number, beta=case.params.get("beta", 0.9999))
    t = (epoch - 1) / epochs
    ldam = switch({0: part(effective_number, beta=0.0), (start - 1) / epochs: late}).at(t)
    other = switch({0: None, start / epochs: late}).at(t)
    return {
        "ldam_weight": ldam.build(counts=n),
        "class_balance_ce_weight": None if other is None else other.build(counts=n),
    }
