"""Estimators of scikit-learn and imbalanced-learn as values: ``fit(x, labels, seed=, threads=)`` gives a
net and its prior.
"""

from longtail.classical.estimators.balanced_bagging import BalancedBagging
from longtail.classical.estimators.balanced_random_forest import BalancedRandomForest
from longtail.classical.estimators.easy_ensemble import EasyEnsemble
from longtail.classical.estimators.gradient_boosting import GradientBoosting
from longtail.classical.estimators.logistic import Logistic
from longtail.classical.estimators.own import Own
from longtail.classical.estimators.random_forest import RandomForest
from longtail.classical.estimators.resampled import Resampled
from longtail.classical.estimators.rus_boost import RUSBoost

__all__ = [
    "BalancedBagging",
    "BalancedRandomForest",
    "EasyEnsemble",
    "GradientBoosting",
    "Logistic",
    "Own",
    "RUSBoost",
    "RandomForest",
    "Resampled",
]

PARTS = (
    BalancedBagging, BalancedRandomForest, EasyEnsemble, GradientBoosting, Logistic, Own, RUSBoost, RandomForest,
    Resampled,
)  # fmt: skip
"""What a file may name of this room (``longtail.rooms.SLOTS``)."""
