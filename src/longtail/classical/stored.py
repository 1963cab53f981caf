"""A fitted estimator as bytes, and back, by skops: a zip archive of JSON and arrays, no pickle.

What is read was written by whoever wrote the file. So before anything is made of it:

- the archive is looked through: nothing in it is compressed, so that it takes no more memory than the file; each array
  is as long as its header says;
- every type that it names is one that skops trusts (the public estimators of scikit-learn, numpy's numbers and arrays),
  or stands in ``ALLOWED``, or is a class of your own that you handed in.

Indices inside trees and sparse matrices are looked at afterwards, in :mod:`longtail.classical.sound`.
"""

from __future__ import annotations

import importlib
import io
import json
import math
import warnings
import zipfile
from collections.abc import Iterable
from typing import Any

from longtail.part import Own

ALLOWED = (
    "functools.partial",  # of a function that is allowed itself
    "numpy.dtype",
    "scipy.sparse._csc.csc_array",  # their indices: see sound
    "scipy.sparse._csc.csc_matrix",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "sklearn._loss._loss.CyExponentialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.ExponentialLoss",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",  # its indices: see sound
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.DotProduct",
    "sklearn.gaussian_process.kernels.Matern",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.gaussian_process.kernels.RationalQuadratic",
    "sklearn.gaussian_process.kernels.Sum",
    "sklearn.gaussian_process.kernels.WhiteKernel",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neighbors._ball_tree.BallTree",  # its indices: see sound
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",  # its indices: see sound
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
    "imblearn.combine._smote_enn.SMOTEENN",
    "imblearn.combine._smote_tomek.SMOTETomek",
    "imblearn.ensemble._bagging.BalancedBaggingClassifier",
    "imblearn.ensemble._easy_ensemble.EasyEnsembleClassifier",
    "imblearn.ensemble._forest.BalancedRandomForestClassifier",
    "imblearn.ensemble._weight_boosting.RUSBoostClassifier",
    "imblearn.over_sampling._adasyn.ADASYN",
    "imblearn.over_sampling._random_over_sampler.RandomOverSampler",
    "imblearn.over_sampling._smote.base.SMOTE",
    "imblearn.over_sampling._smote.base.SMOTEN",
    "imblearn.over_sampling._smote.base.SMOTENC",
    "imblearn.over_sampling._smote.cluster.KMeansSMOTE",
    "imblearn.over_sampling._smote.filter.BorderlineSMOTE",
    "imblearn.over_sampling._smote.filter.SVMSMOTE",
    "imblearn.pipeline.Pipeline",
    "imblearn.under_sampling._prototype_selection._edited_nearest_neighbours.EditedNearestNeighbours",
    "imblearn.under_sampling._prototype_selection._nearmiss.NearMiss",
    "imblearn.under_sampling._prototype_selection._random_under_sampler.RandomUnderSampler",
    "imblearn.under_sampling._prototype_selection._tomek_links.TomekLinks",
)
"""What may be made from a file beside the types that skops trusts: parts of the estimators that people fit."""


SCHEMA = "schema.json"
GENERATOR = "RandomGeneratorNode"
SEED: dict[str, Any] = {
    "__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {},
    "key_types": {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": []},
}  # fmt: skip
"""What a random generator in a file is seeded with, before its state is set: numbers from a file could take for ever."""


class Unstorable(TypeError):
    """An estimator that cannot be written down. It predicts, and is gone with the process."""


def dump(estimator: Any) -> bytes:
    """A fitted estimator as bytes.

    Raises:
        Unstorable: it holds what skops does not write, or a class that cannot be imported.

    >>> from sklearn.dummy import DummyClassifier
    >>> load(dump(DummyClassifier().fit([[0], [1]], [0, 1]))).predict_proba([[5]]).tolist()
    [[0.5, 0.5]]
    """
    from skops.io import dumps

    name = type(estimator).__name__
    try:
        raw = _repacked(dumps(estimator))
        types = _types(raw)
    except Exception as why:  # skops says in many ways that it cannot
        raise Unstorable(f"{name} cannot be stored (skops: {_line(why)})") from why
    for which in types:
        module, _, called = which.rpartition(".")
        try:
            getattr(importlib.import_module(module), called)
        except (ImportError, AttributeError):
            raise Unstorable(
                f"{name} cannot be stored: {which} is no importable class; define it at the top of a module"
            ) from None
    return raw


def load(raw: bytes, own: Own | None = None) -> Any:
    """The estimator that :func:`dump` wrote.

    Args:
        raw: the bytes, from whomever.
        own: your own classes that it may hold, by ``"module:name"``.

    Raises:
        ValueError: damage, sizes that are not the file's, or a type that is not allowed.
    """
    from skops.io import loads

    _look_through(raw, len(raw))
    _check_schema(raw)
    given = own or {}
    names = {key.replace(":", "."): value for key, value in given.items()}
    try:
        types = _types(raw)
    except Exception as why:  # a forged schema fails in any way
        raise ValueError(f"the stored estimator is damaged: {_line(why)}") from None
    if bad := [name for name in types if name not in ALLOWED and name not in names]:
        own_part = ", ".join(f"{spelt(name)!r}: {name.rpartition('.')[2]}" for name in bad)
        raise ValueError(
            f"the stored estimator holds {', '.join(bad)}, which longtail does not make from a file by itself. If you "
            f"trust the file, import and hand in: own={{{own_part}}}"
        )
    for name in types:
        if name in names:
            module, _, called = name.rpartition(".")
            if getattr(importlib.import_module(module), called, None) is not names[name]:
                raise ValueError(f"own: {spelt(name)!r} is another class than the one of that name")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found = loads(raw, trusted=types)
    except Exception as why:  # and so does a forged state
        raise ValueError(
            f"the stored estimator cannot be made again: {_line(why)}. If it was written with another scikit-learn, "
            "install that one, or train again"
        ) from None
    _say_version(said)
    return found


def foreign(raw: bytes) -> dict[str, str]:
    """The types in stored bytes that a reader must hand in: ``{"module:name": name}``."""
    return {spelt(name): name.rpartition(".")[2] for name in _types(raw) if name not in ALLOWED}


def spelt(name: str) -> str:
    """A type as ``own=`` names it.

    >>> spelt("mine.models.Odd")
    'mine.models:Odd'
    """
    module, _, called = name.rpartition(".")
    return f"{module}:{called}"


def _types(raw: bytes) -> list[str]:
    """The types that skops does not trust by itself."""
    from skops.io import get_untrusted_types

    return list(get_untrusted_types(data=raw))


def _repacked(raw: bytes) -> bytes:
    """The archive that skops wrote, the same for the same estimator, and with nothing compressed.

    skops names objects and files by their place in memory: here by their order. Sparse matrices lie in it as archives of
    their own, which are compressed: here they are not.
    """
    names: dict[Any, str] = {}

    def renamed(node: dict[str, Any]) -> dict[str, Any]:
        if isinstance(known := node.get("__id__"), int):
            node["__id__"] = int(names.setdefault(known, str(len(names) + 1)))
        if isinstance(file := node.get("file"), str):
            node["file"] = names.setdefault(file, f"{len(names) + 1}{file[file.rindex('.') :]}")
        if node.get("__loader__") == GENERATOR:
            node["content"]["seed_seq"] = SEED
        return node

    with zipfile.ZipFile(io.BytesIO(raw)) as old:
        schema = json.loads(old.read(SCHEMA), object_hook=renamed)
        files = {name: old.read(name) for name in old.namelist() if name != SCHEMA}
    packed = {
        names[name]: _stored(inside) if name.endswith(".npz") else inside for name, inside in files.items()
    }
    return _archive({SCHEMA: json.dumps(schema, separators=(",", ":")).encode(), **packed})


def _stored(raw: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as old:
        return _archive({name: old.read(name) for name in old.namelist()})


def _archive(files: dict[str, bytes]) -> bytes:
    """A zip archive with nothing compressed, and no time of day in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for name, inside in files.items():
            new.writestr(zipfile.ZipInfo(name), inside)
    return out.getvalue()


def _look_through(raw: bytes, most: int, depth: int = 2) -> None:
    """Refuse an archive that would take more memory than its own size."""
    import numpy as np

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            entries = archive.infolist()
            for entry in entries:
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                    raise ValueError(
                        f"the stored estimator is no archive of longtail's: {entry.filename!r} is compressed"
                    )
            if sum(entry.file_size for entry in entries) > most:
                raise ValueError("the stored estimator is larger inside than outside")
            for entry in entries:
                inside = archive.read(entry)
                if inside.startswith(b"PK"):
                    if depth == 1:
                        raise ValueError("the stored estimator holds archives in archives in archives")
                    _look_through(inside, len(inside), depth - 1)
                elif inside.startswith(np.lib.format.MAGIC_PREFIX):
                    _check_array(inside, entry.filename)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as why:
        raise ValueError(f"the stored estimator is damaged: {_line(why)}") from None


def _check_schema(raw: bytes) -> None:
    """Refuse numbers that would keep the reader busy."""

    def look(node: dict[str, Any]) -> dict[str, Any]:
        if node.get("__loader__") == GENERATOR and node.get("content", {}).get("seed_seq") != SEED:
            raise ValueError("a random generator that longtail did not write")
        if node.get("__class__") == "void":  # numpy makes as many bytes as it is told
            raise ValueError("bytes without a type")
        return node

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            json.loads(archive.read(SCHEMA), object_hook=look)
    except Exception as why:  # a forged schema fails in any way
        raise ValueError(f"the stored estimator is damaged: {_line(why)}") from None


def _check_array(raw: bytes, where: str) -> None:
    """Refuse an array that is longer than the bytes that are there for it."""
    from numpy.lib import format as npy

    file = io.BytesIO(raw)
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(
            file
        )
    except Exception as why:  # the header is parsed as Python
        raise ValueError(f"the stored estimator's array {where!r} is damaged: {_line(why)}") from None
    elements, left = math.prod(shape), len(raw) - file.tell()
    if dtype.hasobject or any(n < 0 for n in shape) or max(dtype.itemsize, 1) * elements > left:
        raise ValueError(
            f"the stored estimator's array {where!r} says {shape} of {dtype}, and has {left} bytes"
        )


def _say_version(said: Iterable[warnings.WarningMessage]) -> None:
    """One warning about another version of scikit-learn, in place of one for each part; others as they are."""
    from sklearn.exceptions import InconsistentVersionWarning

    for warning in said:
        why = warning.message
        if isinstance(why, InconsistentVersionWarning):
            warnings.warn(
                f"the estimator was fitted with scikit-learn {why.original_sklearn_version}, and this is "
                f"{why.current_sklearn_version}: predictions may differ; train it again to be sure",
                stacklevel=3,
            )
            return
    for warning in said:
        warnings.warn(warning.message, warning.category, stacklevel=3)


def _line(why: BaseException) -> str:
    return " ".join((str(why) or type(why).__name__).split())[:300]
