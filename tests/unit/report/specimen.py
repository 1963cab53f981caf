"""Results as a comparison makes them: scores are computed from simulated predictions, not made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import torch

from longtail.comparison.curve import Curve
from longtail.comparison.mistake import Mistake, small_picture
from longtail.comparison.record import Data, Results, Run, Settings, Trained
from longtail.labels import Labels
from longtail.metrics import confusion, evaluate, importance, per_class, reliability

# name: title, paper, share of the training prior in its logits, what it adds for the tail, seconds, stages
RECIPES: dict[str, tuple[str, str, float, float, float, tuple[str, ...]]] = {
    "erm": ("Cross-entropy", "", 1.0, 0.0, 40.0, ("train",)),
    "balanced_softmax": ("Balanced softmax", "Ren et al., NeurIPS 2020", 0.0, 1.6, 41.0, ("train-bs",)),
    "crt": ("cRT", "Kang et al., ICLR 2020", 0.0, 1.3, 6.0, ("train", "head")),
    "logit_adjustment": ("Logit adjustment (post-hoc)", "Menon et al., ICLR 2021", 0.0, 0.1, 0.2, ("train",)),
    "focal": ("Focal loss", "Lin et al., ICCV 2017", 0.9, 0.3, 42.0, ("train-focal",)),
    "random_forest": ("Random forest", "Breiman, 2001", 0.8, -1.0, 3.0, ("forest",)),
}


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@cache
def specimen(
    num_classes: int = 10,
    folds: int = 5,
    seeds: int = 1,
    names: tuple[str, ...] | None = None,
    recipes: tuple[str, ...] = tuple(RECIPES),
    prior: str = "natural",
    fail: tuple[str, ...] = (),
    short: tuple[str, ...] = (),
    imbalance: float = 100.0,
    largest: int = 1000,
) -> Results:
    """``fail``: recipes whose every run failed; ``short``: those that lack all runs but the first."""
    c = num_classes
    counts = [max(2 * folds, int(largest * imbalance ** (-k / max(c - 1, 1)))) for k in range(c)]
    order = np.random.default_rng(7).permutation(c)
    counts = [counts[k] for k in order]
    y = np.repeat(np.arange(c), counts)
    labels = Labels.of(y, names or [f"class {k}" for k in range(c)], c)
    p_train = labels.prior.numpy()
    declared = np.full(c, 1 / c) if prior != "natural" else p_train
    runs = []
    for seed in range(seeds):
        fold_of = np.random.default_rng(seed).permutation(len(y)) % max(folds, 2)
        for fold in range(folds):
            rng = np.random.default_rng([seed, fold])
            yt = y[fold_of == fold]
            base = rng.normal(size=(len(yt), c)) * 1.4
            base[np.arange(len(yt)), yt] += 3.0
            for name in recipes:
                if name in short and (fold or seed):
                    continue
                status = "failed" if name in fail else "done"
                runs.append(
                    one_run(name, fold, seed, status, base, yt, labels, p_train, declared, prior, rng)
                )
    groups = {k: v.tolist() for k, v in labels.classes.groups().items()}
    return Results(
        command="longtail compare data/animals.csv --folds 5 --out results",
        versions={"longtail": "0.1.0", "torch": "2.13.0", "python": "3.11.9"},
        hardware="2 cores, 8 GB, no GPU",
        created="2026-01-02T03:04:05+00:00",
        data=Data(
            name="animals", path="data/animals.csv", kind="table", n=len(y), num_classes=c,
            names=tuple(labels.names), counts=tuple(counts), imbalance=labels.classes.imbalance, groups=groups,
            notes=("12 duplicated rows stay in one fold", "column 'id' is constant and was left out"),
        ),
        settings=Settings(
            folds=folds, seeds=seeds, prior=prior, prior_vector=tuple(declared.tolist()), baseline="erm", jobs=2,
            test_share=1 / max(folds, 2),
        ),
        recipes={n: {"title": RECIPES[n][0], "paper": RECIPES[n][1], "summary": ""} for n in recipes},
        runs=tuple(runs),
    )  # fmt: skip


def with_rows(results: Results, n: int, words: str = "age=61") -> Results:
    """The results with ``n`` mistakes, each with a picture in magenta, and two curves."""
    magenta = torch.tensor([255, 0, 255], dtype=torch.uint8)[:, None, None].expand(3, 4, 4)
    one = Mistake(
        row=12_345, fold=1, seed=0, truth=results.data.names[0], decision=results.data.names[1],
        probability=0.987, p_truth=0.0123, words=words, picture=small_picture(magenta),
    )  # fmt: skip
    line = ((0.0, 1.0), (0.4, 0.8), (1.0, 0.1))
    curves = tuple(
        Curve(
            recipe=name, prior="natural", positive=0, precision_recall=line, roc=((0.0, 0.0), (1.0, 1.0)),
            average_precision=0.4321, roc_auc=0.8765, decided=(0.4, precision, 0.05),
        )
        for name, precision in (("erm", 0.8), ("crt", None))
    )  # fmt: skip
    return results.but(mistakes=tuple(replace(one, row=k) for k in range(n)), curves=curves)


def results_of_runs(
    runs: Sequence[Run], titles: Mapping[str, str], folds: int, seeds: int = 1, baseline: str = "erm"
) -> Results:
    """Results of which only the runs matter."""
    about = Data(name="toy", path="toy", kind="table", n=4, num_classes=2, names=("a", "b"), counts=(3, 1), imbalance=3.0,
                 groups={})  # fmt: skip
    share = 1 / max(folds, 2)
    settings = Settings(folds=folds, seeds=seeds, prior="natural", baseline=baseline, test_share=share)
    recipes = {name: {"title": title} for name, title in titles.items()}
    return Results(versions={}, data=about, settings=settings, recipes=recipes, runs=tuple(runs))


def changed(results: Results, change: Callable[[Run], Run]) -> Results:
    """The results with every run changed."""
    return results.but(runs=tuple(change(run) for run in results.runs))


def set_to(results: Results, **settings: object) -> Results:
    """The results of a comparison with other settings."""
    return results.but(settings=replace(results.settings, **settings))


def scored(run: Run, prior: str, **scores: float | None) -> Run:
    """The run with other scores under a prior."""
    return run.but(scores={**run.scores, prior: {**run.scores[prior], **scores}})


def one_run(
    name: str,
    fold: int,
    seed: int,
    status: str,
    base: np.ndarray,
    y: np.ndarray,
    labels: Labels,
    p_train: np.ndarray,
    declared: np.ndarray,
    prior: str,
    rng: np.random.Generator,
) -> Run:
    _, _, bias, gain, seconds, stages = RECIPES[name]
    shared = [stage == "train" and name != "erm" for stage in stages]
    if status != "done":
        error = "loss became nan at epoch 3 <b>"
        return Run(recipe=name, fold=fold, seed=seed, status=status, error=error)
    run = Run(
        recipe=name, fold=fold, seed=seed, status=status, seconds=seconds + fold, predict_seconds=0.2, test_rows=len(y),
        parameters=12_345, bytes=49_380, prior_source="none" if name == "focal" else "closed form",
        stages=tuple(
            Trained(name=s, key=f"{s}-{fold}-{seed}", seconds=40.0, cpu_seconds=40.0, shared=h)
            for s, h in zip(stages, shared)
        ),
    )  # fmt: skip
    c = labels.num_classes
    z = base + rng.normal(size=base.shape) * 0.3
    z[np.arange(len(y)), y] += gain * (1 - (p_train / p_train.max()) ** 0.3)[y] - 0.02 * abs(gain)
    groups = labels.classes.groups()
    logits = {"as_trained": z + bias * np.log(p_train), "natural": z + np.log(p_train), "balanced": z}
    priors: dict[str, np.ndarray | None] = {
        "as_trained": None,
        "natural": None,
        "balanced": np.full(c, 1 / c),
    }
    if prior not in ("natural", "balanced"):
        logits["declared"], priors["declared"] = z + np.log(declared), declared
    under: dict[str, dict] = {"scores": {}, "per_class": {}, "confusion": {}, "reliability": {}}
    for key, q in priors.items():
        p = softmax(logits[key])
        scores = evaluate(p, y, prior=q, groups=groups)
        under["scores"][key] = {k: None if v != v else v for k, v in scores.items()}
        if key == "as_trained":
            continue
        w = None if q is None else importance(y, q)
        classes = per_class(p, y, prior=q)
        under["per_class"][key] = {
            k: [None if v != v else v for v in classes[k].tolist()] for k in ("recall", "precision")
        }
        if c <= 60:
            under["confusion"][key] = confusion(y, p.argmax(1), c).tolist()
        under["reliability"][key] = {k: v.tolist() for k, v in reliability(p, y, 15, w).items()}
    history = [
        {"stage": s, "epoch": e, "loss": float(np.log(c) * np.exp(-e / 4) + 0.2 + 0.3 * i)}
        for i, s in enumerate(stages)
        for e in range(12 if i == 0 else 3)
    ]
    return run.but(**under, history=() if name == "random_forest" else tuple(history))
