from golden_cases import Case

from longtail.heads import SquashingCosine


def run(case: Case) -> dict:
    weight = case.number("weight")
    head = SquashingCosine(weight.shape[1], weight.shape[0], scale=float(case.params["scale"])).double()
    head.load_state_dict({"weight": weight})
    return {"logits": head(case.number("features"))}
