"""Classical recipes: estimators of scikit-learn and imbalanced-learn, and any of your own with ``fit`` and
``predict_proba``, kept as they are.

Importing this room imports neither framework; fitting and predicting do.
"""

from longtail.classical.named import (
    balanced_bagging,
    balanced_random_forest,
    easy_ensemble,
    gradient_boosting,
    gradient_boosting_balanced,
    logistic,
    logistic_balanced,
    random_forest,
    random_forest_balanced,
    resampled,
    rus_boost,
)
from longtail.classical.recipe import Classical, out_of_fold_logits

__all__ = [
    "Classical",
    "balanced_bagging",
    "balanced_random_forest",
    "easy_ensemble",
    "gradient_boosting",
    "gradient_boosting_balanced",
    "logistic",
    "logistic_balanced",
    "out_of_fold_logits",
    "random_forest",
    "random_forest_balanced",
    "resampled",
    "rus_boost",
]
