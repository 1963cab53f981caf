"""An estimator in a file: as it was, and nothing that the file's writer would like to happen."""

import importlib
import io
import json
import resource
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from scipy.sparse import csr_matrix, load_npz, save_npz
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from longtail.classical import sound, stored
from longtail.classical.stored import Unstorable, dump, load

X = np.random.default_rng(0).normal(size=(90, 4))
Y = np.repeat([0, 1, 2], [50, 25, 15])
X[:, 0] += 2 * Y
ESTIMATORS = {
    "adaboost": AdaBoostClassifier(n_estimators=5),
    "boosting": HistGradientBoostingClassifier(max_iter=5),
    "calibrated": CalibratedClassifierCV(GaussianNB(), cv=2),
    "extra trees": ExtraTreesClassifier(5),
    "forest": RandomForestClassifier(5),
    "gradient boosting": GradientBoostingClassifier(n_estimators=3),
    "logistic": LogisticRegression(),
    "naive Bayes": GaussianNB(),
    "neighbours": KNeighborsClassifier(3),
    "ball tree": KNeighborsClassifier(3, algorithm="ball_tree"),
    "net": MLPClassifier((4,), max_iter=20),
    "pipeline": make_pipeline(StandardScaler(), FunctionTransformer(np.cbrt), LogisticRegression()),
    "bagged boosting": BaggingClassifier(HistGradientBoostingClassifier(max_iter=2), n_estimators=2),
    "stacking": StackingClassifier([("a", GaussianNB()), ("b", LogisticRegression())], cv=2),
    "support vectors": SVC(probability=True),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_it_comes_back_as_it_was(name):
    fitted = ESTIMATORS[name].fit(X, Y)
    raw = dump(fitted)
    assert dump(fitted) == raw  # the same estimator is the same file
    again = load(raw)
    sound.check(again, 4)
    assert type(again) is type(fitted)
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_so_do_imbalanced_learn_s_and_sparse_rows():
    pipeline, over = pytest.importorskip("imblearn.pipeline"), pytest.importorskip("imblearn.over_sampling")
    fitted = pipeline.make_pipeline(over.SMOTE(k_neighbors=3), LogisticRegression()).fit(X, Y)
    assert np.array_equal(load(dump(fitted)).predict_proba(X), fitted.predict_proba(X))
    rows = csr_matrix(np.maximum(X, 0))
    sparse = KNeighborsClassifier(3).fit(rows, Y)
    raw = dump(sparse)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        inner = [archive.read(name) for name in archive.namelist() if name.endswith(".npz")]
        assert all(e.compress_type == zipfile.ZIP_STORED for e in archive.infolist())
    assert inner
    assert all(e.compress_type == 0 for e in zipfile.ZipFile(io.BytesIO(inner[0])).infolist())
    assert np.array_equal(load(raw).predict_proba(rows), sparse.predict_proba(rows))


class Mine(ClassifierMixin, BaseEstimator):
    """A classifier of the user's own: class frequencies, always."""

    def __init__(self, power: float = 1.0) -> None:
        self.power = power

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.shares_ = counts**self.power / (counts**self.power).sum()
        return self

    def predict_proba(self, X):
        return np.tile(self.shares_, (X.shape[0], 1))


class Other(Mine):
    pass


def test_a_class_of_one_s_own_must_be_handed_in():
    raw, name = dump(Mine().fit(X, Y)), f"{Mine.__module__}:Mine"
    with pytest.raises(ValueError, match=rf"holds {Mine.__module__}\.Mine, which .*own=\{{'{name}': Mine\}}"):
        load(raw)
    assert np.array_equal(load(raw, {name: Mine}).predict_proba(X), Mine().fit(X, Y).predict_proba(X))
    with pytest.raises(ValueError, match="is another class than the one of that name"):
        load(raw, {name: Other})
    assert stored.foreign(raw) == {name: "Mine"}
    assert stored.foreign(dump(GaussianNB().fit(X, Y))) == {}


def test_what_cannot_be_stored_is_said():
    held = Mine().fit(X, Y)
    held.file_ = open(__file__)  # noqa: SIM115
    with held.file_, pytest.raises(Unstorable, match="Mine cannot be stored"):
        dump(held)

    class Local(Mine):
        pass

    with pytest.raises(Unstorable, match=r"Local is no importable class; define it at the top of a module"):
        dump(Local().fit(X, Y))


def test_another_version_of_scikit_learn_is_one_warning():
    fitted = RandomForestClassifier(5).fit(X, Y)
    raw = changed(dump(fitted), schema=lambda s: replaced(s, '"\\"1.', '"\\"0.'))
    with pytest.warns(UserWarning, match=r"fitted with scikit-learn 0\.\S+, and this is 1\.") as said:
        assert np.array_equal(load(raw).predict_proba(X), fitted.predict_proba(X))
    assert len(said) == 1


def replaced(value, old, new):
    """A schema with texts in it replaced."""
    text = json.dumps(value)
    assert old in text
    return json.loads(text.replace(old, new))


def changed(raw, schema=None, files=None, compression=zipfile.ZIP_STORED):
    """An archive that somebody forged: its schema, or the content of files, changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            inside = old.read(name)
            if name == "schema.json" and schema is not None:
                inside = json.dumps(schema(json.loads(inside))).encode()
            elif name != "schema.json" and files is not None:
                inside = files(inside)
            new.writestr(name, inside)
    return out.getvalue()


def touching(path):
    """A schema that would run a command if it were believed."""
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "is_json": True}
    command = {**text, "content": json.dumps(f"touch {path}")}
    args = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [command]}

    def of(module, name, loader="ConstructorFromReduceNode"):
        node = {"__class__": name, "__module__": module, "__loader__": loader, "content": args}
        return lambda s: {**node, "protocol": s["protocol"], "_skops_version": s["_skops_version"]}

    return of


@pytest.mark.parametrize(
    "what",
    [
        ("os", "system"),
        ("subprocess", "Popen"),
        ("builtins", "eval"),
        ("longtail.files", "write_text"),
        ("pathlib", "Path"),
    ],
)
def test_a_file_runs_nothing_and_its_type_is_named(tmp_path, what):
    raw = changed(dump(GaussianNB().fit(X, Y)), touching(tmp_path / "pwned")(*what))
    with pytest.raises(ValueError, match=rf"the stored estimator holds {what[0]}\.{what[1]}, which"):
        load(raw)
    assert not (tmp_path / "pwned").exists()


def bomb(inside):
    """An array of 4 GB in a few kilobytes; once more, as the matrix of a file within the file."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**32,)})
    return header.getvalue() + inside[:10]


def packed(inside):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr("data.npy", bytes(2**26))
    return out.getvalue()


FORGED = {
    "compressed": lambda raw: changed(raw, compression=zipfile.ZIP_DEFLATED),
    "an array longer than its bytes": lambda raw: changed(raw, files=bomb),
    "an archive inside that is compressed": lambda raw: changed(raw, files=packed),
    "archives in archives in archives": lambda raw: changed(
        raw, files=lambda b: changed(raw, files=lambda c: raw)
    ),
    "objects": lambda raw: changed(raw, files=lambda b: pickled()),
    "no archive": lambda raw: raw[: len(raw) // 2],
    "nothing": lambda raw: b"",
    "no schema": lambda raw: changed(raw, schema=lambda s: []),
    "another protocol": lambda raw: changed(raw, schema=lambda s: {**s, "protocol": 99}),
    "deep": lambda raw: changed(raw, schema=deep),
}


def pickled():
    out = io.BytesIO()
    np.save(out, np.array([{}], dtype=object), allow_pickle=True)
    return out.getvalue()


def deep(schema):
    for _ in range(300):
        schema = {
            "__class__": "list",
            "__module__": "builtins",
            "__loader__": "ListNode",
            "content": [schema],
        }
    return {**schema, "protocol": 1}


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_file_takes_no_memory_and_is_refused(attack):
    raw = FORGED[attack](dump(GaussianNB().fit(X, Y)))
    load(dump(GaussianNB().fit(X, Y)))  # what is imported for reading is no matter of the attack
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="the stored estimator"):
        load(raw)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60 * 2**10  # kilobytes


def with_nodes(change):
    """Change the nodes of a tree, as an attacker would: in the array that the file holds."""

    def files(inside):
        if not inside.startswith(b"\x93NUMPY"):
            return inside
        array = np.load(io.BytesIO(inside))
        if array.dtype.names is None:
            return inside
        array = array.copy()
        with suppress(ValueError, IndexError):
            change(array)
        out = io.BytesIO()
        np.save(out, array)
        return out.getvalue()

    return files


def put(field, at, value):
    def change(array):
        array[field][at] = value

    return change


def out_of_bounds(inside):
    """The matrix that a file within the file holds, with a column that it does not have."""
    if not inside.startswith(b"PK"):
        return inside
    matrix = load_npz(io.BytesIO(inside))
    matrix.indices[0] = 10**6
    out = io.BytesIO()
    save_npz(out, matrix, compressed=False)
    return out.getvalue()


def test_a_sparse_matrix_that_leads_out_of_its_columns_is_refused():
    raw = dump(KNeighborsClassifier(3).fit(csr_matrix(np.maximum(X, 0)), Y))
    sound.check(load(raw), 4)
    with pytest.raises(ValueError, match="the stored estimator is damaged"):
        sound.check(load(changed(raw, files=out_of_bounds)), 4)


UNSOUND = {
    "forest: a child that is not there": ("forest", put("left_child", 0, 10**6)),
    "forest: back up": ("forest", put("right_child", 0, 0)),
    "forest: a column that is not there": ("forest", put("feature", 0, 10**6)),
    "forest: a column before the first": ("forest", put("feature", 0, -5)),
    "gradient boosting: a child": ("gradient boosting", put("left_child", 0, 10**6)),
    "boosting: a child": ("boosting", put("left", 0, 10**6)),
    "boosting: back up": ("boosting", put("right", 0, 0)),
    "boosting: a column": ("boosting", put("feature_idx", 0, 10**6)),
    "boosting: a category": ("boosting", put("is_categorical", 0, 1)),
    "neighbours: a row": ("neighbours", put("idx_end", 0, 10**6)),
    "neighbours: a node": ("neighbours", put("is_leaf", -1, 0)),
}


@pytest.mark.parametrize("attack", UNSOUND)
def test_a_tree_that_leads_out_of_its_arrays_is_refused(attack):
    name, change = UNSOUND[attack]
    raw = changed(dump(ESTIMATORS[name].fit(X, Y)), files=with_nodes(change))
    with pytest.raises(ValueError, match="the stored estimator is damaged"):
        sound.check(load(raw), 4)


def test_a_tree_that_says_less_than_no_nodes_is_refused():
    fitted = RandomForestClassifier(2, random_state=0).fit(X, Y)
    count = fitted.estimators_[0].tree_.node_count
    raw = changed(dump(fitted), schema=lambda s: replaced(s, f'"content": "{count}"', '"content": "-5"'))
    with pytest.raises(ValueError, match="a tree of -5 nodes"):
        sound.check(load(raw), 4)


def test_an_estimator_for_other_columns_is_refused():
    with pytest.raises(ValueError, match="takes 4 columns, and the net gives 7"):
        sound.check(GaussianNB().fit(X, Y), 7)


def test_what_is_allowed_is_there():
    pytest.importorskip("imblearn")
    for name in stored.ALLOWED:
        module, _, called = name.rpartition(".")
        assert hasattr(importlib.import_module(module), called), name
