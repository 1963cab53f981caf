from golden_cases import Case

from longtail.part import part, switch
from longtail.weights import effective_number

EPOCHS = 200  # the reference's schedule, epochs from 0; weights start at epoch 160


def run(case: Case) -> dict:
    late = part(effective_number, beta=case.params["beta"])
    deferred = switch({0: part(effective_number, beta=0.0), 0.8: late})
    t = case.params["epoch_zero_based"] / EPOCHS
    return {"class_weight": deferred.at(t).build(counts=case.whole("class_counts"))}
