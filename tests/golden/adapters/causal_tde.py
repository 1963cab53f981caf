import torch
from golden_cases import Case

from longtail.heads import Causal


def run(case: Case) -> dict:
    return running_mean(case) if "batches" in case.inputs else logits(case)


def logits(case: Case) -> dict:
    weight, p = case.number("weight"), case.params
    head = Causal(
        weight.shape[1],
        weight.shape[0],
        parts=p["num_head"],
        scale=p["tau"],
        gamma=p["gamma"],
        alpha=p["alpha"],
    ).double()
    mean, features = case.number("embed_mean"), case.number("features")
    head.load_state_dict({"weight": weight, "mean": mean})
    train = head.train()(features)
    head.load_state_dict({"weight": weight, "mean": mean})  # the training pass moved it
    removed = head.eval()(features)
    head.alpha = 0.0
    return {"train_logits": train, "tde_logits": removed, "eval_logits_no_effect": head(features)}


def running_mean(case: Case) -> dict:
    batches = torch.tensor(case.inputs["batches"], dtype=torch.float64)
    head = Causal(batches.shape[-1], 2, parts=1, momentum=case.params["mu"]).double().train()
    means = []
    for batch in batches:
        head(batch)
        means.append(head.mean.clone())
    (key,) = case.expected
    return {key: torch.stack(means)}
