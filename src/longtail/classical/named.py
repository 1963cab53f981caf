"""The classical recipes by name: functions that return a :class:`Classical`, defaults as measured in
``docs``.
"""

from __future__ import annotations

from typing import Any

from longtail.classical.estimators import (
    BalancedBagging,
    BalancedRandomForest,
    EasyEnsemble,
    GradientBoosting,
    Logistic,
    RandomForest,
    Resampled,
    RUSBoost,
)
from longtail.classical.recipe import Classical
from longtail.part import Part, part

Finish = tuple[Part[Any], ...]


def logistic(c: float | None = None, finish: Finish = ()) -> Classical:
    """Logistic regression.

    >>> logistic().estimator
    Logistic(c=None, class_weight=None)
    """
    return Classical("logistic", part(Logistic, c=c, class_weight=None), finish)


def logistic_balanced(c: float | None = None, finish: Finish = ()) -> Classical:
    """Logistic regression, every class with the same total weight."""
    return Classical("logistic-balanced", part(Logistic, c=c, class_weight="balanced"), finish)


def random_forest(trees: int = 300, finish: Finish = ()) -> Classical:
    """Random forest.

    Paper: Breiman, Random forests, Machine Learning 2001.
    """
    return Classical("random-forest", part(RandomForest, trees=trees), finish)


def random_forest_balanced(trees: int = 300, min_leaf: int = 10, finish: Finish = ()) -> Classical:
    """Random forest with class weights, its leaves not grown out, so that the weights show in the probabilities.

    Paper: Breiman, Random forests, Machine Learning 2001.
    """
    estimator = part(RandomForest, trees=trees, class_weight="balanced", min_leaf=min_leaf)
    return Classical("random-forest-balanced", estimator, finish)


def gradient_boosting(rounds: int = 100, finish: Finish = ()) -> Classical:
    """Histogram gradient boosting.

    Paper: Ke et al., LightGBM, NeurIPS 2017.
    """
    return Classical("gradient-boosting", part(GradientBoosting, rounds=rounds), finish)


def gradient_boosting_balanced(rounds: int = 100, finish: Finish = ()) -> Classical:
    """Histogram gradient boosting, every class with the same total weight.

    Paper: Ke et al., LightGBM, NeurIPS 2017.
    """
    estimator = part(GradientBoosting, rounds=rounds, class_weight="balanced")
    return Classical("gradient-boosting-balanced", estimator, finish)


def resampled(method: str, estimator: Classical, neighbours: int = 5) -> Classical:
    """Another classical recipe on resampled rows: ``resampled("smote", logistic())``.

    Args:
        method: random_over, random_under, smote, borderline_smote, smotenc, smoten, adasyn, smote_enn, smote_tomek,
            enn, tomek, near_miss.
        estimator: the recipe that is fitted on the resampled rows.
        neighbours: of SMOTE and its kin.

    >>> resampled("smote", logistic()).name
    'smote+logistic'
    """
    target = part(Resampled, method=method, estimator=estimator.estimator, neighbours=neighbours)
    target.build()  # an unknown method is an error here
    return Classical(f"{method.replace('_', '-')}+{estimator.name}", target, estimator.finish)


def balanced_random_forest(trees: int = 300, finish: Finish = ()) -> Classical:
    """Balanced random forest: each tree on as many rows of every class.

    Paper: Chen, Liaw and Breiman, Using random forest to learn imbalanced data, 2004.
    """
    return Classical("balanced-random-forest", part(BalancedRandomForest, trees=trees), finish)


def balanced_bagging(trees: int = 50, finish: Finish = ()) -> Classical:
    """Balanced bagging: trees, each on a balanced bootstrap.

    Paper: Maclin and Opitz, An empirical evaluation of bagging and boosting, AAAI 1997.
    """
    return Classical("balanced-bagging", part(BalancedBagging, trees=trees), finish)


def easy_ensemble(subsets: int = 10, finish: Finish = ()) -> Classical:
    """EasyEnsemble: AdaBoost on each of several balanced subsets.

    Paper: Liu, Wu and Zhou, Exploratory undersampling for class-imbalance learning, IEEE SMC-B 2009.
    """
    return Classical("easy-ensemble", part(EasyEnsemble, subsets=subsets), finish)


def rus_boost(rounds: int = 50, finish: Finish = ()) -> Classical:
    """RUSBoost: AdaBoost, each round on an under-sample.

    Paper: Seiffert et al., RUSBoost, IEEE SMC-A 2010.
    """
    return Classical("rus-boost", part(RUSBoost, rounds=rounds), finish)
