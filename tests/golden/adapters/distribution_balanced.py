from golden_cases import Case, with_gradients

from longtail.losses import distribution_balanced


def run(case: Case) -> dict:
    z, p = case.leaf("logits"), case.params
    loss = distribution_balanced(
        z,
        case.number("targets"),
        case.number("counts") / p["num_samples"],
        alpha=p["alpha"],
        beta=p["beta"],
        mu=p["gamma_map"],
        kappa=p["init_bias"],
        negative_scale=p["neg_scale"],
        gamma=p["focal_gamma"] if p["focal"] else 0.0,
        factor=p["balance"] if p["focal"] else 1.0,
    )
    return with_gradients(loss, logits=z)
