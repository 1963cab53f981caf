"""LongTailClassifier: every recipe, deep and classical, as a scikit-learn estimator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from longtail import api
from longtail.classes import Classes
from longtail.comparison.points import points_decided
from longtail.costs import Costs
from longtail.data import Dataset, Encoder, FeatureEncoder, SparseEncoder, TableEncoder, costs_in, select
from longtail.data.beside import Beside
from longtail.data.weighing import repeated, weights_of
from longtail.formats.reading import tell
from longtail.kinds import EMBEDDING, IMAGE, TABLE, TEXT, Kind, kind_of
from longtail.kinds.embedding.read import embeddings_of
from longtail.kinds.image.read import images_of, is_images
from longtail.kinds.memory import rows_like
from longtail.kinds.table.read import frame_of, has_words, sheet_of, table
from longtail.kinds.text.read import is_texts, rows_of_sparse, texts_of
from longtail.labels import Labels
from longtail.metrics import Aimed
from longtail.model import Model
from longtail.part import Own
from longtail.prior import Prior
from longtail.report.progress import training_progress
from longtail.run import Engine


class LongTailClassifier(ClassifierMixin, BaseEstimator):
    """A recipe as a scikit-learn classifier, whose probabilities are for the class prior you deploy under.

    Takes numbers, data frames of numbers and words, sparse rows, texts and images; see
    :mod:`longtail.kinds.memory` for what counts as which. Encoders (scaling, one-hot levels, TF-IDF) are fitted
    in ``fit``; what a recipe leaves open (temperature, thresholds) is fitted on an inner split of the training rows.

    Args:
        recipe: a name (``longtail recipes`` lists them), one with settings (``"focal:gamma=1"``), a classifier with
            ``fit`` and ``predict_proba``, or a recipe of your own.
        prior: class frequencies where the model is used: "natural" (as in training), "balanced", or numbers: in the order
            of ``classes_``, by class, or as text (see ``longtail.prior.Prior.of``). It may be changed after fitting.
        costs: what each decision costs, by true and decided class, in any form that ``longtail.costs.Costs.of`` takes;
            then ``predict`` takes the cheapest decision under ``prior``. A cell may name a column, which data frames then
            need in ``predict``. None: no costs. It may be changed after fitting.
        metric: a point, such as "recall@precision>=0.9", that ``predict`` decides for under ``prior``: its threshold is
            fitted on held-out training rows; where there are ``costs`` it is not used. It may be changed after fitting.
        backbone: "mlp", "linear", "resnet8" ..., a part or a net; None takes the kind's default.
        epochs: of the first stage; None takes the protocol's for the data.
        kind: "table", "text", "image" or "embedding"; None tells by ``X``.
        tuning: "refit" trains on all rows after fitting what is open on an inner split; "holdout" costs half.
        device: "auto" (a GPU where there is one), "cpu", "cuda", "cuda:1" ...
        precision: "fp32", "tf32" or "bf16"; see ``longtail.Engine``.
        random_state: of initial weights, order and splits; None draws one.
        verbose: 0 is silent, 1 shows progress on stderr.

    Attributes:
        classes_: labels, sorted.
        model_: the fitted ``longtail.Model``.
        n_features_in_: columns of ``X``; not set for texts.
        feature_names_in_: of a data frame whose column names are strings.

    The order of the training rows does not matter: with a ``random_state``, the same rows give the same model.

    ``sample_weight`` in ``fit`` repeats rows; see :func:`longtail.integrations.inputs.repeated`. It works with every
    recipe, since it changes the training rows and so the training prior, and nothing else.

    ``predict`` takes the cheapest decision where there are ``costs``, and decides for a point where ``metric`` is
    one; else the most probable class under ``prior``, or, for recipes with tuned thresholds under the natural prior, the
    thresholds' decision, which need not be that.

    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["common", "rare"], [90, 10])
    >>> X = rng.normal(size=(100, 2)) + 3 * (y == "rare")[:, None]
    >>> model = LongTailClassifier("logistic", prior="balanced", random_state=0).fit(X, y)
    >>> model.predict([[0.0, 0.0], [3.0, 3.0]]).tolist()
    ['common', 'rare']
    """

    classes_: Any
    model_: Model

    def __init__(
        self,
        recipe: Any = "erm",
        *,
        prior: Any = "natural",
        costs: Any = None,
        metric: str | None = None,
        backbone: Any = None,
        epochs: int | None = None,
        kind: str | None = None,
        tuning: str = "refit",
        device: str = "auto",
        precision: str = "fp32",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.recipe = recipe
        self.prior = prior
        self.costs = costs
        self.metric = metric
        self.backbone = backbone
        self.epochs = epochs
        self.kind = kind
        self.tuning = tuning
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> LongTailClassifier:
        """Train the recipe on all rows.

        Args:
            X: rows; see the class.
            y: a label a row, of any type that sorts.
            sample_weight: a number a row, not negative.
            groups: of the rows (patients, say), one a row: where rows are held out to tune and to calibrate, no group
                stands on both sides.

        Raises:
            ValueError: fewer than two classes, continuous labels, an unknown recipe or backbone, a prior that is none.
        """
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None")
        engine = Engine(device=self.device, precision=self.precision)
        asked = None if self.kind is None else kind_of(self.kind)
        if asked is TEXT and not is_texts(X, self.kind) and not hasattr(X, "nnz"):
            raise ValueError(
                "kind='text' takes one text a row: a list, a series, or a data frame of one column"
            )
        raw, kind = self._rows(X, None)
        y = column_or_1d(y.cpu().numpy() if isinstance(y, torch.Tensor) else y, warn=True)
        if y.dtype.kind in "fc":
            assert_all_finite(y, input_name="y")
        check_classification_targets(y)
        check_consistent_length(raw.numpy() if isinstance(raw, torch.Tensor) else raw, y, groups)
        beside = {} if groups is None else {"group": groups}
        aside = Beside.of(beside, dict.fromkeys(beside, "groups"), "X")
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31 - 1))
        _, codes = np.unique(y, return_inverse=True)
        order = np.lexsort((kind.keys(raw), codes))  # the same rows in any order: the same model
        if sample_weight is not None:
            order = order[repeated(weights_of(sample_weight, len(y))[order], random)]
        raw, y = select(raw, torch.from_numpy(order)), y[order]
        aside = aside.take(torch.from_numpy(order))
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has one class, {self.classes_[0]!r}, where its weight is not zero: at least two classes are needed"
            )
        labels = Labels.of(torch.from_numpy(codes.astype(np.int64)), [str(c) for c in self.classes_])
        Prior.of(self.prior, labels.classes)  # what is wrong is an error now, not after training
        self._costs(labels.names)
        self._aimed(labels.classes)
        with training_progress(bool(self.verbose)) as on:
            self.model_ = api.train(
                replace(Dataset.of("X", kind.name, raw, labels), beside=aside),
                recipe=self.recipe,
                backbone=self.backbone,
                epochs=self.epochs,
                tuning=self.tuning,
                engine=engine,
                seed=seed,
                on=on,
            )
        return self

    def predict_proba(self, X: Any) -> Any:
        """Probabilities under ``prior``, float64 ``[N, C]``, in the order of ``classes_``."""
        p = self._probabilities(X).double().numpy()
        return p / p.sum(1, keepdims=True)

    def predict(self, X: Any) -> Any:
        """Labels ``[N]``."""
        model = self._fitted()
        costs = self._costs(model.names)
        of = {} if costs is None else costs_in(X, costs.columns)
        outcome = model.outcome.but(costs=costs, aimed=self._aimed(model.outcome.classes))
        decided = outcome.decide(self._probabilities(X), self._prior(), of)
        return self.classes_[decided.numpy()]

    def save(self, folder: str | Path) -> Path:
        """Write the model as safetensors and JSON, no pickle; ``longtail predict`` reads it too.

        Raises:
            TypeError: labels that JSON does not hold, or a net of modules of your own.
        """
        model = self._fitted()
        if self.classes_.dtype.kind not in "iufbUO" or not all(
            isinstance(c, _PLAIN) for c in self.classes_.tolist()
        ):
            raise TypeError(
                f"classes_ of dtype {self.classes_.dtype}: only numbers, booleans and strings are saved"
            )
        prior = self._prior()
        facts = {
            "classes": self.classes_.tolist(),
            "dtype": self.classes_.dtype.str,
            "prior": list(prior.numbers) or prior.name,
            "n_features_in": getattr(self, "n_features_in_", None),
            "feature_names_in": list(getattr(self, "feature_names_in_", [])),
            "params": {
                k: v
                for k, v in self.get_params(deep=False).items()
                if isinstance(v, _PLAIN | None) and k not in ("prior", "costs", "metric")
            },
        }
        outcome = model.outcome.but(costs=self._costs(model.names), aimed=self._aimed(model.outcome.classes))
        return Model(outcome, model.encoder, {**model.facts, "classifier": facts}).save(folder)

    @classmethod
    def load(cls, folder: str | Path, own: Own | None = None) -> LongTailClassifier:
        """Read what ``save``, ``longtail train`` or ``longtail compare`` wrote; the latter's classes are strings.

        ``own`` holds classes of your own by ``"module:name"``, as :meth:`longtail.Model.load` takes them.
        A recipe, backbone or net of your own is not read back: predicting needs none, refitting does. Nor are device and
        precision: it runs on a GPU where there is one.
        """
        model = Model.load(folder, own=own)
        facts = model.facts.get("classifier", {})
        params = facts.get("params", {"recipe": model.facts["recipe"]["name"]})
        here = {k: v for k, v in params.items() if k not in ("device", "precision")}
        made = cls(**here, prior=facts.get("prior", "natural"), costs=model.outcome.costs)
        aimed = model.outcome.aimed
        made.metric = None if aimed is None else replace(aimed.point, of=model.names[aimed.k]).name
        made.model_ = model
        made.classes_ = np.array(facts.get("classes", list(model.names)), dtype=facts.get("dtype"))
        if not facts and isinstance(model.encoder, TableEncoder):
            facts = {"feature_names_in": model.encoder.columns, "n_features_in": len(model.encoder.columns)}
        if facts.get("n_features_in") is not None:
            made.n_features_in_ = facts["n_features_in"]
        if facts.get("feature_names_in"):
            made.feature_names_in_ = np.array(facts["feature_names_in"], dtype=object)
        return made

    def _probabilities(self, X: Any) -> torch.Tensor:
        model = self._fitted()
        raw, _ = self._rows(X, model.encoder)
        return model.outcome.predict_proba(model.encoder(raw), self._prior())

    def _fitted(self) -> Model:
        check_is_fitted(self, "model_")
        return self.model_

    def _costs(self, names: Sequence[str]) -> Costs | None:
        return None if self.costs is None else Costs.of(self.costs, names)

    def _aimed(self, classes: Classes) -> Aimed | None:
        return next((Aimed.of(point, classes) for point in points_decided(self.metric)), None)

    def _prior(self) -> Prior:
        return Prior.of(self.prior, self._fitted().outcome.classes)

    def _rows(self, X: Any, encoder: Encoder | None) -> tuple[Any, Kind]:
        """Raw rows and their kind, as in fitting (``encoder`` None) or as the fitted encoder takes them."""
        encoder = encoder.front if isinstance(encoder, FeatureEncoder) else encoder
        reset, name = encoder is None, self.kind if encoder is None else encoder.kind
        asked = None if name is None else kind_of(name)
        sparse = isinstance(encoder, SparseEncoder)
        if is_texts(X, name) if encoder is None else asked is TEXT and not sparse:
            raw, notes = (texts_of(X), []) if encoder is None else rows_like(X, encoder)
            tell(notes)
            return raw, TEXT
        if is_images(X, name):
            images = images_of(X)
            self._width(int(images[0].numel()) if len(images) else 0, reset)
            return images, IMAGE
        if isinstance(X, torch.Tensor):
            X = X.detach().cpu().numpy()
        if asked in (None, TABLE) and (hasattr(X, "columns") or has_words(X)):
            return self._table(X, cast(TableEncoder | None, encoder)), TABLE
        X = validate_data(
            self,
            X,
            accept_sparse="csr",
            dtype="numeric",
            ensure_all_finite=True if asked is EMBEDDING else "allow-nan",
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        if hasattr(X, "nnz") and not reset and not sparse:
            X = X.toarray()
        if sparse or hasattr(X, "nnz"):
            return rows_of_sparse(X), TEXT
        if asked is EMBEDDING:
            return embeddings_of(X), EMBEDDING
        return self._table(X, cast(TableEncoder | None, encoder), checked=True), TABLE

    def _table(self, X: Any, encoder: TableEncoder | None, checked: bool = False) -> Any:
        """A data frame or an array as a table. Columns go by name where both fitting and asking have names, else by
        position.

        Args:
            checked: has scikit-learn seen ``X``?
        """
        named = hasattr(X, "columns")
        if not checked:
            validate_data(self, X, skip_check_array=True, reset=encoder is None)
        if not len(X):
            raise ValueError("X has 0 sample(s), and a minimum of 1 is required")
        if encoder is None:
            sheet = sheet_of(X if named else frame_of(X))
            frame, notes = table(sheet, list(sheet.frame.columns))
        else:
            if named and not hasattr(self, "feature_names_in_"):
                X = X.set_axis([str(c) for c in encoder.columns], axis="columns")
            frame, notes = rows_like(X, encoder)
        tell(notes)
        return frame

    def _width(self, found: int, reset: bool) -> None:
        if reset:
            self.n_features_in_ = found
        elif found != self.n_features_in_:
            raise ValueError(
                f"X has {found} features, but {type(self).__name__} is expecting {self.n_features_in_} features as input"
            )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


_PLAIN = bool | int | float | str
