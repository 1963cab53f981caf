"""Resampling: categories stay categories, small classes are adapted to, memory is bounded, refusals are clear."""

import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch

from longtail import classical
from longtail.adjust import BiasTemperature, PriorShift, Temperature, Thresholds
from longtail.catalogue import known_recipes
from longtail.chosen import pick
from longtail.classical.categorical import from_codes, numbers, to_codes
from longtail.classical.estimators import Resampled, over_sampling
from longtail.classical.estimators.resampled import ABOUT, METHODS
from longtail.comparison.plan import Plan
from longtail.comparison.work import Worker
from longtail.data import Dataset, TableEncoder
from longtail.labels import Labels
from longtail.part import part
from longtail.store import FolderStore

pytest.importorskip("imblearn")


def mixed(counts=(120, 40, 12), words_only=False, seed=0):
    """A frame of numbers (one with holes) and words, and its labels."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    colour = np.array(["red", "green", "blue"], dtype=object)
    frame = {
        "colour": colour[(y + (rng.random(len(y)) < 0.3)) % 3],
        "shape": np.array(["flat", "round"], dtype=object)[(rng.random(len(y)) < 0.3 + 0.2 * y).astype(int)],
    }
    if not words_only:
        size = rng.normal(y, 1.0)
        frame |= {"size": np.where(rng.random(len(y)) < 0.1, np.nan, size), "weight": rng.normal(-y, 2.0)}
    return pd.DataFrame(frame), Labels.of(torch.from_numpy(y), num_classes=len(counts))


def test_codes_and_back():
    frame, _ = mixed()
    encoder = TableEncoder.fit(frame)
    x = encoder(frame).numpy()
    assert encoder.categorical == ((0, 3), (3, 5), (6, 7))
    assert numbers(x.shape[1], encoder.categorical).tolist() == [5, 7]
    codes = to_codes(x, encoder.categorical)
    assert codes.shape == (len(frame), 2 + 3)
    np.testing.assert_array_equal(from_codes(codes, encoder.categorical), x)
    with pytest.raises(ValueError, match="categorical="):
        to_codes(x, ((4, 99),))


@pytest.mark.parametrize("words_only", [False, True])
def test_smotenc_makes_rows_that_could_be(words_only):
    frame, labels = mixed(words_only=words_only)
    encoder = TableEncoder.fit(frame)
    made = Resampled("smotenc", None, categorical=encoder.categorical)
    x, seen = made.resample(encoder(frame), labels, seed=0)
    assert seen.counts.tolist() == [120] * 3
    assert torch.equal(x[: len(frame)], encoder(frame))
    for start, stop in encoder.categorical:
        block = x[:, start:stop]
        assert set(block.unique().tolist()) <= {0.0, 1.0}
        assert bool((block.sum(1) == 1).all()) or stop - start == 1
    plain, _ = Resampled("smote", None).resample(encoder(frame), labels, seed=0)
    assert len(plain[:, :3].unique()) > 2  # what SMOTE on one-hot columns does instead


def test_smotenc_and_smoten_are_imbalanced_learns():
    from imblearn.over_sampling import SMOTEN, SMOTENC

    frame, labels = mixed(counts=(90, 30, 20))
    encoder = TableEncoder.fit(frame)
    blocks, x, y = encoder.categorical, encoder(frame), labels.y.numpy()
    ours, _ = Resampled("smotenc", None, categorical=blocks).resample(x, labels, seed=5)
    theirs, _ = SMOTENC([2, 3, 4], random_state=5).fit_resample(to_codes(x.numpy(), blocks), y)
    np.testing.assert_allclose(to_codes(ours.numpy(), blocks), theirs, rtol=1e-6)
    frame, labels = mixed(counts=(90, 30, 20), words_only=True)
    encoder = TableEncoder.fit(frame)
    blocks, x, y = encoder.categorical, encoder(frame), labels.y.numpy()
    ours, _ = Resampled("smoten", None, categorical=blocks).resample(x, labels, seed=5)
    theirs, _ = SMOTEN(random_state=5).fit_resample(to_codes(x.numpy(), blocks), y)
    np.testing.assert_array_equal(to_codes(ours.numpy(), blocks), theirs)


def test_smotenc_without_words_is_smote():
    x, labels = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)), Labels.of([0] * 45 + [1] * 15)
    a, b = (Resampled(m, None).resample(x, labels, seed=1)[0] for m in ("smotenc", "smote"))
    assert torch.equal(a, b)


def test_smoten_refuses_numbers_and_large_classes(monkeypatch):
    frame, labels = mixed()
    encoder = TableEncoder.fit(frame)
    made = Resampled("smoten", None, categorical=encoder.categorical)
    with pytest.raises(ValueError, match="2 of the 8 columns are numbers: use smotenc"):
        made.resample(encoder(frame), labels, seed=0)
    frame, labels = mixed(words_only=True)
    encoder = TableEncoder.fit(frame)
    monkeypatch.setattr(over_sampling, "ROWS_OF_SMOTEN", 30)
    with pytest.raises(ValueError, match=r"has 40 .*use random_over"):
        Resampled("smoten", None, categorical=encoder.categorical).resample(encoder(frame), labels, seed=0)


def test_a_comparison_hands_the_categories_on():
    """SMOTENC inside a comparison makes no row that is half red: the estimator sees whole categories only."""
    frame, labels = mixed(counts=(60, 24, 12))
    seen = []

    class Spy:
        def fit(self, x, labels, *, seed, threads=1):
            seen.append(x)
            return part_of_logistic.build().fit(x, labels, seed=seed, threads=threads)

    part_of_logistic = classical.logistic().estimator
    monkey = pytest.MonkeyPatch()
    from longtail.classical.estimators import resampled as module

    original = module.Resampled.fit

    def fit(self, x, labels, **how):
        self.estimator = Spy()
        return original(self, x, labels, **how)

    monkey.setattr(module.Resampled, "fit", fit)
    dataset = Dataset.of("toy", "table", frame, labels)
    recipe = classical.resampled("smotenc", classical.logistic(finish=(part(Thresholds),)))
    plan = Plan(dataset, (("it", recipe),), folds=2, baseline="it")
    import tempfile
    from pathlib import Path

    from longtail.comparison.task import Task

    with tempfile.TemporaryDirectory() as folder:
        made = Worker(plan, FolderStore(Path(folder))).do(Task("it", 0, 0))
    monkey.undo()
    assert made is not None
    assert made.done, made.error
    assert len(seen) == 4  # the fit and three out-of-fold ones
    assert all(set(x[:, :3].unique().tolist()) <= {0.0, 1.0} for x in seen)


@pytest.mark.parametrize("method", ["smote", "borderline_smote", "adasyn", "smotenc", "smote_enn"])
def test_k_is_lowered_for_the_small_class_only(method, monkeypatch):
    """A class of 3 rows must not make the class of 30 interpolate between 2 neighbours."""
    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 80 + [1] * 30 + [2] * 3 + [3])
    x = torch.randn(len(labels), 3, generator=g) + labels.y[:, None] * 0.5
    asked = []
    original = over_sampling._new

    def spy(method, rows, y, k, target, categories, seed):
        asked.append((k, sorted(target)))
        return original(method, rows, y, k, target, categories, seed)

    monkeypatch.setattr(over_sampling, "_new", spy)
    _, seen = Resampled(method, None).resample(x, labels, seed=0)
    assert asked == [(0, [3]), (2, [2]), (5, [1])]
    assert int(seen.counts[3]) >= 1


def test_only_row_of_a_class_is_repeated():
    labels = Labels.of([0] * 20 + [1])
    x = torch.randn(21, 2, generator=torch.Generator().manual_seed(0))
    new, seen = Resampled("smote", None).resample(x, labels, seed=0)
    assert seen.counts.tolist() == [20, 20]
    assert len(new[seen.y == 1].unique(dim=0)) == 1


def test_adasyn_far_from_every_other_class_is_smote():
    labels = Labels.of([0] * 40 + [1] * 10)
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) + labels.y[:, None] * 100
    from imblearn.over_sampling import ADASYN

    with pytest.raises(RuntimeError, match="Use SMOTE instead"):
        ADASYN(random_state=0).fit_resample(x.numpy(), labels.y.numpy())
    a, b = (Resampled(m, None).resample(x, labels, seed=1)[0] for m in ("adasyn", "smote"))
    assert torch.equal(a, b)


def test_memory_is_bounded_and_the_prior_says_so():
    """Ten classes at the count of the largest would be 10 times its rows: the level stops where ``values`` are held."""
    counts = [1000] + [20] * 9
    labels = Labels.of(torch.repeat_interleave(torch.arange(10), torch.tensor(counts)))
    x = torch.randn(len(labels), 5, generator=torch.Generator().manual_seed(0))
    new, seen = Resampled("smote", None, values=5 * 2000).resample(x, labels, seed=0)
    assert seen.counts.tolist() == [1000] + [111] * 9
    assert new.numel() <= 5 * 2000
    recipe = classical.resampled("random_over", classical.logistic())
    recipe = recipe.but(estimator=recipe.estimator.but(values=5 * 2000))
    assert recipe.fit(x, labels, seed=0)[1].tolist() == pytest.approx([1000 / 1999] + [111 / 1999] * 9)


def test_all_pairs_of_a_long_table_are_refused(monkeypatch):
    from longtail.classical.estimators import resampled as module

    labels = Labels.of([0] * 40 + [1] * 10)
    monkeypatch.setattr(module, "PAIRS", 1000)
    for method in ("enn", "tomek", "smote_enn", "smote_tomek"):
        with pytest.raises(ValueError, match=r"compares all pairs of .* rows.*: use smote"):
            Resampled(method, None).resample(torch.randn(50, 2), labels, seed=0)


def test_one_class_left_after_cleaning():
    """Two classes shuffled into each other: edited nearest neighbours may remove the larger one altogether."""
    x = torch.tensor([[0.0], [0.01], [1.0], [1.01]])
    labels = Labels.of([0, 1, 0, 1], num_classes=3)
    net, prior = classical.resampled("enn", classical.logistic()).fit(x.repeat(1, 2), labels, seed=0)
    assert bool(torch.isfinite(net(x.repeat(1, 2))).all())
    assert float(prior.sum()) == pytest.approx(1)


def test_nothing_left_after_cleaning_is_refused():
    x = torch.arange(6.0)[:, None]
    with pytest.raises(ValueError, match="removed every row: use smote"):
        Resampled("smote_enn", None).resample(x, Labels.of([0, 1, 0, 1, 0, 1]), seed=0)


FINISH = {
    "prior": (part(PriorShift),),
    "temperature": (part(Temperature),),
    "calibrated": (part(BiasTemperature),),
    "thresholds": (part(Thresholds, metric="balanced_accuracy"),),
    "all": (part(BiasTemperature), part(PriorShift), part(Thresholds, metric="macro_f1")),
}


@pytest.mark.parametrize("finish", FINISH)
@pytest.mark.parametrize(
    "make",
    [
        classical.logistic, classical.gradient_boosting_balanced, partial(classical.easy_ensemble, subsets=2),
        lambda finish: classical.resampled("smote", classical.logistic(finish=finish)),
    ],
    ids=["logistic", "gradient-boosting-balanced", "easy-ensemble", "smote+logistic"],
)  # fmt: skip
def test_prior_correction_calibration_and_thresholds_are_options_as_of_deep_recipes(make, finish, tmp_path):
    from longtail import train

    frame, labels = mixed(counts=(80, 30, 12))
    dataset = Dataset.of("toy", "table", frame, labels)
    model = train(dataset, recipe=make(finish=FINISH[finish]), out=tmp_path / "m")
    outcome = model.outcome
    own = {"thresholds": "balanced_accuracy"}.get(finish, "macro_f1")  # every recipe's, where it brings none
    assert outcome.thresholds.metric == own
    assert bool(outcome.adjusters) == (finish not in ("thresholds",))
    again = type(model).load(tmp_path / "m")
    for prior in ("natural", "balanced"):
        p = model.predict_proba(frame, prior)
        torch.testing.assert_close(p.sum(1), torch.ones(len(p)))
        assert torch.equal(again.predict_proba(frame, prior), p)
        assert again.predict(frame, prior) == model.predict(frame, prior)


def test_prior_correction_moves_the_decisions_to_the_balanced_prior():
    from longtail import train

    frame, labels = mixed(counts=(200, 12, 8), seed=3)
    dataset = Dataset.of("toy", "table", frame, labels)
    plain = train(dataset, recipe=classical.logistic())
    moved = train(dataset, recipe=classical.logistic(finish=(part(PriorShift),)))
    as_trained = torch.softmax(moved.outcome.logits(moved.encoder(frame)).double(), 1).float()
    torch.testing.assert_close(as_trained, plain.predict_proba(frame, "balanced"), atol=1e-5, rtol=0)


def test_every_combination_can_be_named():
    for method in METHODS:
        name = f"{method.replace('_', '-')}+random-forest"
        recipe = pick([name])[name]
        assert recipe.estimator["method"] == method
        assert recipe.name == name
    assert set(ABOUT) == set(METHODS)
    assert all("+" not in name or name in pick([name]) for name in known_recipes())
    with pytest.raises(ValueError, match="no resampling 'smoot'; there are random-under"):
        pick(["smoot+logistic"])
    with pytest.raises(ValueError, match="no estimator 'erm'; there are logistic"):
        pick(["smote+erm"])


def test_a_missing_extra_is_a_clear_failure_of_its_recipe_only(monkeypatch, tmp_path):
    from longtail import compare

    for module in [m for m in sys.modules if m.split(".")[0] == "imblearn"] + ["imblearn.over_sampling"]:
        monkeypatch.setitem(sys.modules, module, None)
    frame, labels = mixed(counts=(40, 20, 10))
    found = compare(
        Dataset.of("toy", "table", frame, labels),
        recipes=["logistic", "smote+logistic"],
        folds=2,
        out=tmp_path,
    )
    rows = {r.recipe: r for r in found.rows["natural"]}
    assert rows["logistic"].rank == 1
    assert rows["smote+logistic"].rank is None
    assert "pip install longtail[imbalanced]" in rows["smote+logistic"].problem


def test_resampling_sees_training_rows_only(tmp_path, monkeypatch):
    """Every row handed to a sampler is a training row of the fold."""
    from longtail import compare

    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 40 + [1] * 20)
    x = torch.randn(60, 3, generator=g)
    handed = []
    original = Resampled.resample
    monkeypatch.setattr(
        Resampled,
        "resample",
        lambda self, x, labels, seed: (handed.append(len(x)), original(self, x, labels, seed))[1],
    )
    recipe = classical.resampled("smote", classical.logistic(finish=(part(Thresholds),)))
    compare(
        Dataset.of("toy", "embedding", x, labels), recipes={"it": recipe}, folds=3, out=tmp_path, model=False
    )
    assert handed.count(40) == 3  # a training part of each fold, and three out-of-fold parts of each
    assert len(handed) == 12
    assert max(handed) == 40
