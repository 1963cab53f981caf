"""Classical recipes: the net gives the estimator's own probabilities, and says which prior they assume."""

import importlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from longtail import classical
from longtail.classical import Classical, out_of_fold_logits
from longtail.classical.estimators import GradientBoosting, Logistic, RandomForest, Resampled
from longtail.classical.estimators.resampled import METHODS
from longtail.classical.head import FLOOR, Fitted
from longtail.classical.inputs import Projected, from_matrix, matrix
from longtail.classical.recipe import deal
from longtail.inputs import SparseRows
from longtail.labels import Labels
from longtail.net import Net, rebuild
from longtail.part import part, to_json

RECIPES = {
    "logistic": classical.logistic(),
    "logistic-balanced": classical.logistic_balanced(),
    "random-forest": classical.random_forest(trees=12),
    "random-forest-balanced": classical.random_forest_balanced(trees=12),
    "gradient-boosting": classical.gradient_boosting(rounds=8),
    "gradient-boosting-balanced": classical.gradient_boosting_balanced(rounds=8),
    "balanced-random-forest": classical.balanced_random_forest(trees=12),
    "balanced-bagging": classical.balanced_bagging(trees=6),
    "easy-ensemble": classical.easy_ensemble(subsets=3),
    "rus-boost": classical.rus_boost(rounds=10),
    **{m: classical.resampled(m, classical.logistic()) for m in METHODS if m != "smoten"},
}


def blobs(counts=(120, 40, 15), d=5, seed=0):
    g = torch.Generator().manual_seed(seed)
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    means = torch.randn(len(counts), d, generator=g) * 1.5
    x = means[y] + torch.randn(len(y), d, generator=g)
    order = torch.randperm(len(y), generator=g)
    return x[order], Labels.of(y[order], num_classes=len(counts))


def sparse(x):
    """Rows with some zeros, as sparse rows."""
    from scipy.sparse import csr_matrix

    return from_matrix(csr_matrix(np.maximum(x.double().numpy(), 0)))


def rebuilt(net: Net) -> Net:
    """Through JSON and a state_dict, as a saved model goes."""
    made = [
        rebuild(
            json.loads(json.dumps(to_json(m.spec))), {k: v.clone() for k, v in m.state_dict().items()}, slot
        )
        for slot, m in (("backbone", net.backbone), ("head", net.head))
    ]
    return Net(*made).eval()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_fits_and_survives_saving(name):
    x, labels = blobs()
    recipe = RECIPES[name]
    net, prior = recipe.fit(x, labels, seed=3)
    logits = net(x)
    assert logits.shape == (len(x), 3)
    assert logits.dtype == torch.float32
    assert bool(torch.isfinite(logits).all())
    torch.testing.assert_close(logits.exp().sum(1), torch.ones(len(x)), atol=1e-5, rtol=0)
    shift = 0 if prior is None else prior.log()
    recall = [(logits - shift).argmax(1)[labels.y == c].eq(c).float().mean() for c in range(3)]
    assert torch.stack(recall).mean() > 0.6
    assert torch.equal(rebuilt(net)(x), logits)
    again, _ = recipe.fit(x, labels, seed=3)
    assert torch.equal(again(x), logits)
    if prior is not None:
        assert prior.dtype == torch.float64
        assert float(prior.sum()) == pytest.approx(1)
    assert Classical.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.but(name="other").digest == recipe.digest


def test_digest_changes_with_the_estimator():
    digests = {r.digest for r in RECIPES.values()}
    assert len(digests) == len(RECIPES)


def kept(net: Net):
    """The fitted estimator in a net, and what it says of rows."""
    return net.head.estimator, lambda x: net.head.estimator.predict_proba(matrix(net.backbone(x)))


@pytest.mark.parametrize("counts", [(90, 30), (90, 30, 12)])
@pytest.mark.parametrize("name", [n for n in RECIPES if n not in METHODS])
def test_probabilities_are_the_estimator_s_own(counts, name):
    """Those of scikit-learn's and imbalanced-learn's ``predict_proba``, on rows that were not fitted on, some missing."""
    pytest.importorskip("imblearn")
    x, labels = blobs(counts)
    new = torch.cat([x, torch.randn(300, 5, generator=torch.Generator().manual_seed(9)) * 3])
    net, _ = RECIPES[name].fit(x, labels, seed=0)
    estimator, proba = kept(net)
    assert type(estimator).__module__.split(".")[0] in ("sklearn", "imblearn")
    want, smoothing = torch.from_numpy(proba(new)), net.head.smoothing
    want = (want + smoothing * net.head.prior) / (1 + smoothing)
    assert torch.equal(net(new), want.log().clamp_min(FLOOR).float())
    if "forest" not in name and "bagging" not in name:
        assert smoothing == 0
        np.testing.assert_allclose(net(new).double().exp(), proba(new), atol=1e-6)


@pytest.mark.parametrize("weight", [None, "balanced"])
def test_the_same_as_scikit_learn_by_hand(weight):
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    x, labels = blobs()
    a, y = x.double().numpy(), labels.y.numpy()
    pairs = [
        (part(Logistic, class_weight=weight), LogisticRegression(class_weight=weight, max_iter=1000)),
        (
            part(RandomForest, trees=30, class_weight=weight, min_leaf=2, smoothing=0.0),
            RandomForestClassifier(30, class_weight=weight, min_samples_leaf=2),
        ),
        (
            part(GradientBoosting, rounds=20, class_weight=weight),
            HistGradientBoostingClassifier(max_iter=20, class_weight=weight, early_stopping=False),
        ),
    ]
    for mine, theirs in pairs:
        net, _ = mine.build().fit(x, labels, seed=5)
        want = theirs.set_params(random_state=5).fit(a, y).predict_proba(a)
        np.testing.assert_allclose(net(x).double().exp(), want, atol=1e-7)


def test_missing_values_go_where_scikit_learn_sends_them():
    x, labels = blobs((200, 80, 40))
    holes = torch.rand(x.shape, generator=torch.Generator().manual_seed(1)) < 0.2
    x = x.masked_fill(holes, float("nan"))
    for name in ("gradient-boosting", "random-forest"):
        net, _ = RECIPES[name].fit(x, labels, seed=0)
        want = (kept(net)[1](x) + net.head.smoothing * labels.prior.numpy()) / (1 + net.head.smoothing)
        np.testing.assert_allclose(net(x).exp(), want, atol=1e-6)
        assert torch.equal(rebuilt(net)(x), net(x))


@pytest.mark.parametrize(
    "recipe", [classical.logistic(), classical.gradient_boosting(rounds=5), classical.random_forest(trees=5)]
)
def test_absent_class_is_finite_and_tiny(recipe):
    x, labels = blobs((60, 0, 30, 20, 0))
    net, prior = recipe.fit(x, labels, seed=0)
    logits = net(x)
    assert bool(torch.isfinite(logits).all())
    assert torch.equal(logits[:, [1, 4]], torch.full((len(x), 2), FLOOR))
    assert prior is None or prior[[1, 4]].tolist() == [0, 0]


@pytest.mark.parametrize("counts", [(300, 60), (300, 60, 25)])
def test_boosting_splits_by_categories_as_scikit_learn_does(counts):
    """Levels that training lacked, a block of two, a mark of missing numbers and classes that are absent among them."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    from longtail.data import TableEncoder

    r = np.random.default_rng(0)
    y = np.repeat([0, 2, 3][: len(counts)], counts)
    town = np.where(r.random(len(y)) < 0.5, 3 * y, r.integers(0, 40, len(y)))
    size = np.where(r.random(len(y)) < 0.1, np.nan, r.normal(y))
    frame = pd.DataFrame({"town": town.astype(str), "size": size, "flag": r.choice(["a", "b"], len(y))})
    rows = r.permutation(len(y))
    train, test = rows[: len(y) // 2], rows[len(y) // 2 :]
    encoder = TableEncoder.fit(frame.iloc[train])
    recipe = classical.gradient_boosting(rounds=10)
    labels = Labels.of(torch.from_numpy(y[train]), num_classes=5)
    x = encoder(frame.iloc[train])
    net, _ = recipe.fit(x, labels, seed=0, categorical=encoder.categorical)
    estimator, proba = kept(net)
    assert estimator.is_categorical_.sum() == 2
    fresh = encoder(frame.iloc[test])
    coded = net.backbone(fresh)
    assert bool((coded[:, -2] == encoder.categorical[0][1]).any())  # a town that training lacked
    by_hand = HistGradientBoostingClassifier(
        max_iter=10, early_stopping=False, categorical_features=estimator.categorical_features, random_state=0
    ).fit(net.backbone(x).double().numpy(), labels.y.numpy())
    np.testing.assert_allclose(by_hand.predict_proba(coded.double().numpy()), proba(fresh), atol=1e-12)
    np.testing.assert_allclose(net(fresh).exp()[:, estimator.classes_], proba(fresh), atol=1e-6)
    assert torch.equal(rebuilt(net)(fresh), net(fresh))


def test_one_class_alone():
    x, _ = blobs((10, 10))
    net, prior = classical.gradient_boosting().fit(x, Labels.of([1] * 20, num_classes=3), seed=0)
    assert net(x).argmax(1).unique().tolist() == [1]
    assert prior.tolist() == [0, 1, 0]
    assert torch.equal(rebuilt(net)(x), net(x))


@pytest.mark.parametrize("name", ["logistic", "random-forest", "gradient-boosting", "smote", "rus-boost"])
def test_sparse_rows(name):
    x, labels = blobs(d=12)
    rows = sparse(x)
    net, _ = RECIPES[name].fit(rows, labels, seed=0)
    assert net(rows[torch.tensor([3, 1])]).shape == (2, 3)
    torch.testing.assert_close(net(rows)[3], net(rows[torch.tensor([3])])[0])
    assert torch.equal(rebuilt(net)(rows), net(rows))
    if name == "logistic":
        dense = part(Logistic, c=10.0).build().fit(rows.dense(), labels, seed=0)[0]
        torch.testing.assert_close(dense(rows.dense()).exp(), net(rows).exp(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", ["logistic", "random-forest", "smote"])
def test_images(name):
    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 30 + [1] * 12)
    x = torch.randint(0, 120, (42, 3, 4, 4), generator=g) + labels.y.view(-1, 1, 1, 1) * 100
    net, _ = RECIPES[name].fit(x.to(torch.uint8), labels, seed=0)
    assert net(x.to(torch.uint8)).argmax(1).tolist() == labels.y.tolist()


def test_projection_is_the_truncated_svd():
    x, _ = blobs(d=30)
    rows = sparse(x)
    backbone = Projected.of(rows, 4, seed=0)
    _, _, v = torch.linalg.svd(rows.dense(), full_matrices=False)
    found = backbone(rows)
    torch.testing.assert_close(found.abs(), (rows.dense() @ v[:4].T).abs(), atol=0.05, rtol=0.05)


def test_matrix_round_trip():
    rows = SparseRows(torch.tensor([0, 1, 3]), torch.tensor([2, 0, 1]), torch.tensor([1.0, 2.0, 3.0]), 4)
    assert torch.equal(from_matrix(matrix(rows)).dense(), rows.dense())


@pytest.mark.parametrize("name", ["logistic", "logistic-balanced", "random_over", "random_under"])
@pytest.mark.parametrize("deploy", ["natural", "balanced"])
def test_claimed_prior_recovers_the_bayes_posterior(name, deploy):
    """Two unit Gaussians at -1 and 1: the posterior log-odds are 2 x plus those of the prior."""
    g = torch.Generator().manual_seed(0)
    labels = Labels.of([0] * 95000 + [1] * 5000)
    x = torch.randn(100000, 1, generator=g) + (labels.y * 2 - 1)[:, None]
    net, prior = RECIPES[name].fit(x, labels, seed=0)
    at = torch.linspace(-2, 2, 9)[:, None]
    to = labels.prior if deploy == "natural" else torch.tensor([0.5, 0.5])
    logits = net(at).double() - prior.log() + to.log()
    bayes = torch.sigmoid(2 * at[:, 0].double() + (to[1] / to[0]).log())
    torch.testing.assert_close(torch.softmax(logits, 1)[:, 1], bayes, atol=0.04, rtol=0)


@pytest.mark.parametrize(
    "name",
    [
        "random-forest", "random-forest-balanced", "gradient-boosting", "gradient-boosting-balanced",
        "balanced-random-forest", "balanced-bagging", "easy-ensemble", "rus-boost",
        "random-over+gradient-boosting", "random-over+random-forest", "smote+logistic", "borderline-smote+logistic",
        "adasyn+logistic", "smote-tomek+logistic", "enn+logistic", "tomek+logistic", "near-miss+logistic",
    ],
)  # fmt: skip
def test_votes_and_made_up_rows_claim_no_prior(name):
    """With the prior set, their claims were 2 to 7 nats off: see tests/laws/test_prior_as_users_run_it.py."""
    from longtail.catalogue import classical_prior
    from longtail.chosen import pick

    x, labels = blobs((60, 30, 12))
    recipe = pick([name])[name]
    assert recipe.fit(x, labels, seed=0)[1] is None
    assert classical_prior(recipe) == "fitted on held-out rows"


def test_prior_after_resampling_is_the_one_training_saw():
    x, labels = blobs((100, 30, 10))
    for method, expected in (
        ("random_over", [1 / 3] * 3),
        ("random_under", [1 / 3] * 3),
    ):
        assert RECIPES[method].fit(x, labels, seed=0)[1].tolist() == pytest.approx(expected)
    labels = Labels.of(labels.y[torch.randperm(140, generator=torch.Generator().manual_seed(0))])
    new, seen = Resampled("tomek", None).resample(x, labels, 0)
    assert len(new) == len(seen) < len(labels)


@pytest.mark.parametrize("method", ["smote", "smote_tomek", "random_over", "random_under"])
@pytest.mark.parametrize("few", [1, 2, 3])
def test_resampling_takes_tiny_classes(method, few):
    x, labels = blobs((50, 20, few))
    net, prior = RECIPES[method].fit(x, labels, seed=0)
    assert bool(torch.isfinite(net(x)).all())
    assert prior is None or float(prior[2]) > few / len(labels)


def test_out_of_fold_logits_come_from_models_that_did_not_see_the_row():
    x, labels = blobs((60, 20, 2))
    recipe = classical.random_forest(trees=10)
    logits = out_of_fold_logits(recipe, x, labels, seed=0)
    assert torch.equal(logits, out_of_fold_logits(recipe, x, labels, seed=0))
    fold = deal(labels, 3, seed=0)
    train, test = (fold != 1).nonzero().flatten(), (fold == 1).nonzero().flatten()
    net, _ = recipe.fit(x[train], labels.take(train), seed=0)
    assert torch.equal(logits[test], net(x[test]))
    seen = recipe.fit(x, labels, seed=0)[0](x)
    assert (logits.argmax(1) == labels.y).float().mean() < (seen.argmax(1) == labels.y).float().mean()


def test_deal_keeps_groups_together_and_classes_even():
    _, labels = blobs((60, 30, 1))
    fold = deal(labels, 3, seed=1)
    assert [fold[labels.y == 0].eq(k).sum().item() for k in range(3)] == [20] * 3
    groups = torch.arange(len(labels)) // 4
    fold = deal(labels, 3, seed=1, groups=groups)
    assert all(len(fold[groups == g].unique()) == 1 for g in groups.unique())
    assert fold.bincount(minlength=3).min() > 20


def test_smoothing_keeps_the_winner_under_the_balanced_prior():
    from sklearn.ensemble import RandomForestClassifier

    x, labels = blobs((200, 30, 6))
    model = RandomForestClassifier(30, random_state=0).fit(x.numpy(), labels.y.numpy())
    new = torch.randn(200, 5, generator=torch.Generator().manual_seed(4)) * 2
    raw, smooth = (Fitted.of(model, labels, 5, smoothing=s / 30) for s in (0.0, 1.0))
    votes = torch.from_numpy(model.predict_proba(new.double().numpy()))
    best = (votes / labels.prior).argmax(1)
    assert torch.equal((smooth(new) - labels.prior.log()).argmax(1), best)
    assert smooth(new).min() > -12
    assert raw(new).min() == FLOOR
    np.testing.assert_allclose(smooth(new).exp(), (30 * votes + labels.prior) / 31, atol=1e-6)


def test_errors_say_what_to_do():
    x, labels = blobs()
    with pytest.raises(ValueError, match="x has 5 rows and labels has 175"):
        classical.logistic().fit(x[:5], labels, seed=0)
    with pytest.raises(ValueError, match="threads=0"):
        classical.logistic().fit(x, labels, seed=0, threads=0)
    with pytest.raises(ValueError, match="class_weight='heavy'"):
        Logistic(class_weight="heavy")
    with pytest.raises(ValueError, match="c=0"):
        Logistic(c=0)
    with pytest.raises(ValueError, match="method='smoot'"):
        classical.resampled("smoot", classical.logistic())
    with pytest.raises(ValueError, match="folds=1"):
        out_of_fold_logits(classical.logistic(), x, labels, seed=0, folds=1)
    net, _ = classical.logistic().fit(x, labels, seed=0)
    with pytest.raises(ValueError, match="x has 4 columns; the model was fitted on 5"):
        net(x[:, :4])


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "imblearn.ensemble", None)
    x, labels = blobs()
    with pytest.raises(ImportError, match=r"longtail\[imbalanced\]"):
        classical.rus_boost().fit(x, labels, seed=0)


def test_importing_the_room_imports_no_scikit_learn():
    code = (
        "import sys, torch, longtail.classical as c\n"
        "from longtail.classical.head import Fitted\n"
        "Fitted(4, 3, known=2)\n"
        "assert not {'sklearn', 'imblearn', 'skops', 'scipy', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_rus_boost_grows_deeper_where_stumps_are_worse_than_chance(monkeypatch):
    """A stump says two classes; under-sampled, those may well be the rarest two."""
    ensemble = pytest.importorskip("imblearn.ensemble")
    x, labels = blobs((8, 20, 30, 40, 60, 120, 300), d=6)
    with pytest.raises(ValueError, match="worse than random"):
        ensemble.RUSBoostClassifier(n_estimators=10, random_state=0).fit(x.numpy(), labels.y.numpy())
    net, prior = classical.rus_boost(rounds=10).fit(x, labels, seed=0)
    assert prior is None
    recall = [(net(x).argmax(1)[labels.y == c] == c).float().mean() for c in range(7)]
    assert torch.stack(recall).mean() > 1.5 / 7
    monkeypatch.setattr(importlib.import_module("longtail.classical.estimators.rus_boost"), "DEEPEST", 1)
    with pytest.raises(ValueError, match=r"depth 1 .* take another recipe"):
        classical.rus_boost(rounds=10).fit(x, labels, seed=0)
