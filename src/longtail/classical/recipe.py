"""Classical: an estimator of scikit-learn or imbalanced-learn as a recipe, a frozen value like the deep ones.

Fitting gives a net whose backbone prepares the inputs and whose head is the fitted estimator, and the class prior that
its probabilities assume; so a classical model is scored, calibrated, saved (safetensors and JSON, no pickle) and loaded
like any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from longtail.classical.categorical import Blocks
from longtail.classical.estimators.one_class import one_class
from longtail.classical.estimators.own import Own
from longtail.classical.written import check_estimator, name_of_estimator, written
from longtail.inputs import Inputs
from longtail.labels import Labels
from longtail.net import Net
from longtail.part import Part, digest, from_json, part, to_json
from longtail.seeds import generator


@dataclass(frozen=True)
class Classical:
    """An unbuilt estimator, then parts that need no training.

    Attributes:
        name: for display; not part of the identity.
        estimator: a part whose value has ``fit(x, labels, *, seed, threads) -> (Net, prior | None)``.
        finish: adjusters of the logits, as in ``longtail.recipe.Recipe``.

    >>> from longtail.classical.estimators import Logistic
    >>> from longtail.part import part
    >>> recipe = Classical("logistic", part(Logistic, c=1.0))
    >>> Classical.from_json(recipe.to_json()) == recipe
    True
    """

    name: str
    estimator: Part[Any]
    finish: tuple[Part[Any], ...] = ()
    takes: ClassVar[frozenset[str]] = frozenset({"image", "rows", "sparse"})

    @classmethod
    def of(
        cls,
        estimator: Any,
        name: str | None = None,
        *,
        prior: Any = None,
        smoothing: float = 0.0,
        finish: tuple[Part[Any], ...] = (),
    ) -> Classical:
        """Any classifier with ``fit`` and ``predict_proba``, in scikit-learn's manner, as a recipe.

        Args:
            estimator: not fitted; its class and parameters are what the recipe is.
            name: None takes the class's: ``logistic-regression``; of a pipeline, its steps'.
            prior: the class prior that its probabilities assume: "natural" (as in the training rows), "balanced" (where
                classes have equal weights), or one probability per class, in order or by name. None where you cannot
                say: then a temperature and a bias per class are fitted on rows left out.
            smoothing: how much the training frequencies count beside its probabilities, for votes that may be 0: 1 / 300
                for a forest of 300 trees.
            finish: adjusters of the logits, as in ``longtail.recipe.Recipe``.

        Raises:
            TypeError: it is no such classifier, or has a parameter that cannot be written down.

        >>> from sklearn.linear_model import LogisticRegression
        >>> Classical.of(LogisticRegression(C=0.5), prior="natural").name
        'logistic-regression'
        """
        check_estimator(estimator)
        value = written(estimator, type(estimator).__name__)
        stated = prior if prior is None or isinstance(prior, str) else written(prior, "prior")
        target = part(Own, estimator=value, prior=stated, smoothing=float(smoothing))
        target.build()  # a wrong prior, and a constructor that refuses its own parameters, are errors now
        return cls(name or name_of_estimator(estimator), target, finish)

    def but(self, **changes: Any) -> Classical:
        """The same recipe with some fields changed."""
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "estimator": to_json(self.estimator), "finish": to_json(self.finish)}

    @classmethod
    def from_json(
        cls, data: Mapping[str, Any], own: Mapping[str, Callable[..., Any]] | None = None
    ) -> Classical:
        return cls(data["name"], from_json(data["estimator"], own), from_json(data["finish"], own))

    @property
    def digest(self) -> str:
        """Identity: everything but the name."""
        return digest({"estimator": self.estimator, **({"finish": self.finish} if self.finish else {})})

    def fit(
        self, x: Inputs, labels: Labels, *, seed: int, threads: int = 1, categorical: Blocks = ()
    ) -> tuple[Net, Tensor | None]:
        """Fit the estimator.

        Args:
            x: encoded inputs, one row a label: float features, sparse rows, or uint8 images.
            labels: of the training rows; classes may have none, and get a probability of about 1e-13.
            seed: of all randomness.
            threads: that the estimator may use.
            categorical: half-open ranges of the one-hot columns of ``x``, one a category, for the estimators that ask for
                them (SMOTENC); ``TableEncoder.categorical``.

        Returns:
            A net giving log-probabilities ``[N, C]``, in evaluation mode, and the prior they assume, float64
            ``[C]``, or None where it has no closed form.

        Raises:
            ValueError: another number of rows than labels, or missing values where the estimator takes none.
            ImportError: the estimator is imbalanced-learn's, and that is not installed.
        """
        if len(x) != len(labels):
            raise ValueError(f"x has {len(x)} rows and labels has {len(labels)}")
        if threads < 1:
            raise ValueError(f"threads={threads} must be at least 1")
        if int((labels.counts > 0).sum()) == 1:  # nothing to tell apart; most estimators refuse
            return one_class(x, labels).eval(), labels.prior
        net, prior = self.estimator.build(categorical=categorical).fit(
            x, labels, seed=seed % 2**32, threads=threads
        )
        return net.eval(), prior


def out_of_fold_logits(
    recipe: Classical,
    x: Inputs,
    labels: Labels,
    *,
    seed: int,
    folds: int = 3,
    threads: int = 1,
    groups: Tensor | None = None,
    categorical: Blocks = (),
) -> Tensor:
    """Logits of every row by an estimator that was not fitted on it: to fit adjusters and thresholds without
    test data.

    Rows are dealt to the folds class by class, so a class with fewer rows than folds is simply absent from
    some.

    Args:
        recipe: what to fit; its ``finish`` is not applied.
        x, labels: the training rows.
        seed: of the folds and the estimators.
        folds: number of fits.
        threads: that an estimator may use.
        groups: int64 ``[N]``; rows of a group (duplicates, say) stay in one fold. None: every row for itself.
        categorical: as for :meth:`Classical.fit`.

    Returns:
        float32 ``[N, C]``.

    Raises:
        ValueError: fewer than 2 folds, or fewer rows (or groups) than folds.
    """
    if folds < 2:
        raise ValueError(f"folds={folds} must be at least 2")
    if len(labels) < folds:
        raise ValueError(
            f"{len(labels)} training rows are too few: predictions on left-out rows, for a threshold or a calibrator,"
            f" need at least {folds}; give more rows, or take a recipe that leaves nothing open (erm)"
        )
    fold = deal(labels, folds, seed, groups)
    out = torch.zeros(len(labels), labels.num_classes)
    for k in range(folds):
        train, test = (fold != k).nonzero().flatten(), (fold == k).nonzero().flatten()
        if not len(test):
            continue
        if not len(train):
            raise ValueError(
                "all training rows have the same input: predictions on rows left out need at least two different ones"
            )
        net, _ = recipe.fit(x[train], labels.take(train), seed=seed, threads=threads, categorical=categorical)
        with torch.no_grad():
            out[test] = torch.cat([net(x[rows]) for rows in test.split(net.rows_at_once or 4096)])
    return out


def deal(labels: Labels, folds: int, seed: int, groups: Tensor | None = None) -> Tensor:
    """A fold for every row, int64 ``[N]``: shuffled, then dealt like cards, class after class.

    >>> deal(Labels.of([0, 0, 0, 0, 1, 1]), 2, seed=0).bincount().tolist()
    [3, 3]
    """
    order = torch.randperm(len(labels), generator=generator("out of fold", seed))
    order = order[torch.argsort(labels.y[order], stable=True)]
    if groups is None:
        fold = torch.empty(len(labels), dtype=torch.int64)
        fold[order] = torch.arange(len(labels)) % folds
        return fold
    _, which = torch.unique(groups, return_inverse=True)
    position = torch.empty(len(labels), dtype=torch.int64)
    position[order] = torch.arange(len(labels))
    first = torch.full((int(which.max()) + 1,), len(labels)).scatter_reduce(0, which, position, "amin")
    return (torch.argsort(torch.argsort(first)) % folds)[
        which
    ]  # a group is dealt where its first row would be
