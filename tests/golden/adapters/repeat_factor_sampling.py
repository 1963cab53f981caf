from golden_cases import Case

from longtail.samplers import repeat_factors
from longtail.samplers.repeat_factor import shares


def rtol(case: Case) -> float:
    return 1e-6  # the reference returns float32


def run(case: Case) -> dict:
    categories, p = case.inputs["image_categories"], case.params
    f = shares(categories)
    return {
        "image_repeat_factor": repeat_factors(categories, p["repeat_thresh"], p.get("sqrt", True)),
        "category_frequency": {str(c): float(f[c]) for c in range(len(f))},
    }
