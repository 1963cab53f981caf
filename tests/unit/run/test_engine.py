"""Device and precision: what is not there is an error before any work, and both are part of every key."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

import longtail
from longtail import api, cli
from longtail.api import comparing, several, training
from longtail.comparison.counted import joinable
from longtail.comparison.features import frozen_features
from longtail.comparison.plan import Plan
from longtail.data import load
from longtail.labels import Labels
from longtail.net import Net
from longtail.recipe import Recipe, Stage
from longtail.recipes import erm
from longtail.run import Cache, Engine
from longtail.run.chain import stage_keys
from longtail.run.engine import check_precision, engine_of

no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
WRONG = [
    (
        {"device": "gpu"},
        "device='gpu' must be 'auto', 'cpu', 'cuda', or one GPU by its number such as 'cuda:0'",
    ),
    ({"device": "meta"}, "device='meta' must be 'auto'"),
    ({"device": "cpu:3"}, "device='cpu:3': this machine has 1, numbered from 0; take device='cpu', or"),
    ({"precision": "fp8"}, "precision='fp8' must be 'fp32', 'tf32' or 'bf16'"),
    (
        {"device": "cpu", "precision": "tf32"},
        "precision='tf32' needs an NVIDIA GPU from 2020 on, and this is a CPU",
    ),
]


@pytest.mark.parametrize("given, words", WRONG, ids=[str(w[0]) for w in WRONG])
def test_what_a_machine_cannot_do_is_an_error(given, words):
    with pytest.raises(ValueError) as said:
        Engine(**given)
    assert str(said.value).startswith(words)


@no_gpu
def test_no_gpu_is_said_with_the_remedy():
    with pytest.raises(
        ValueError, match=r"device='cuda': torch .* finds none on this machine; take device='cpu', or"
    ):
        Engine(device="cuda")


def test_a_gpu_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert Engine(device="cuda:1").device == "cuda:1"
    with pytest.raises(ValueError, match="device='cuda:2': this machine has 2, numbered from 0"):
        Engine(device="cuda:2")


@pytest.mark.parametrize("precision", ["tf32", "bf16"])
def test_an_old_gpu_has_no_such_precision(monkeypatch, precision):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Tesla T4")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    with pytest.raises(
        ValueError, match=f"precision='{precision}' needs an NVIDIA GPU from 2020 on, and this is Tesla"
    ):
        check_precision(precision, torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    check_precision(precision, torch.device("cuda"))


def test_an_engine_and_a_device_beside_it_are_one_too_many():
    with pytest.raises(ValueError, match="device='cpu' beside engine=: an engine says both"):
        engine_of(Engine(), "cpu")
    assert engine_of(None, None, "bf16") == Engine(precision="bf16")
    given = Engine(device="cpu")
    assert engine_of(given) is given


def refuse(*args, **how):
    raise AssertionError("data were read first")


COMMANDS = [
    ["compare", "a.csv"],
    ["train", "a.csv"],
    ["predict", "model", "a.csv"],
    ["bench", "cifar10-lt", "--data", "d"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=[c[0] for c in COMMANDS])
def test_the_command_line_says_it_in_its_words_before_any_work(monkeypatch, command):
    for name in ("load", "bench"):
        monkeypatch.setattr(api, name, refuse)
    args = [*command, "--device", "cpu", "--precision", "tf32"]
    monkeypatch.setattr("sys.argv", ["longtail", *args])
    done = CliRunner().invoke(cli.app, args)
    assert done.exit_code == 2
    assert "Error: --precision tf32 needs an NVIDIA GPU" in " ".join(done.output.split())
    assert "take --precision fp32, or leave it out" in " ".join(done.output.split())


def test_the_verbs_say_it_before_any_work(monkeypatch, tmp_path):
    for verb, reader in ((comparing, "load_parts"), (several, "load"), (training, "load")):
        monkeypatch.setattr(verb, reader, refuse)
    model = tmp_path / "no-model"
    calls = (
        lambda **how: longtail.compare("a.csv", **how),
        lambda **how: longtail.compare_several(["a.csv", "b.csv"], out=tmp_path / "several", **how),
        lambda **how: longtail.train("a.csv", **how),
        lambda **how: longtail.predict(model, "a.csv", **how),
        lambda **how: longtail.LongTailClassifier(**how).fit([["never read"]], [0]),
    )
    for call in calls:
        with pytest.raises(ValueError, match="device='gpu' must be"):
            call(device="gpu")
        with pytest.raises(ValueError, match="precision='fp8' must be"):
            call(precision="fp8")


def examples():
    y = [0, 0, 0, 1, 1, 1]
    return longtail.Examples(torch.arange(12.0).reshape(6, 2), Labels.of(y), "toy")


def test_precision_and_device_are_in_every_key(monkeypatch):
    net, recipe = Net(torch.nn.Identity(), torch.nn.Linear(2, 2)), Recipe("erm", (Stage(epochs=1),))
    plan = Plan(load("islands-lt"), (("erm", erm),), folds=2)

    def keys(engine):
        return (
            *stage_keys(recipe, net, examples(), 0, engine),
            plan.with_engine(engine).identity("erm", 0, 0),
        )

    fp32, bf16 = keys(Engine(device="cpu")), keys(Engine(device="cpu", precision="bf16"))
    assert not set(fp32) & set(bf16)
    assert keys(Engine(device="cpu", graphs=False, checkpoint_seconds=1.0, deadline=1e12)) == fp32
    monkeypatch.setattr(Engine, "on", property(lambda self: torch.device("cuda", 1)))
    on_gpu = keys(Engine())
    assert not set(fp32) & set(on_gpu)
    monkeypatch.setattr(Engine, "on", property(lambda self: torch.device("cuda", 0)))
    assert keys(Engine()) == on_gpu  # which of several GPUs is the same


class Halver(torch.nn.Module):
    """An encoder that says in which precision it ran."""

    out_features = 2

    def forward(self, x):
        return torch.nn.functional.linear(x.flatten(1)[:, 20:22].float(), torch.eye(2) * 1.001)


@dataclasses.dataclass(frozen=True)
class Frozen:
    """What stands in for a pre-trained encoder."""

    frozen = True

    def check(self, kind): ...
    def load(self, kind):
        return Halver()

    def fingerprint(self):
        return "halver"


def test_frozen_features_follow_the_precision_and_are_named_by_it(monkeypatch, tmp_path):
    from longtail.comparison import features

    monkeypatch.setattr(features, "as_pretrained", lambda backbone: Frozen())
    digits = load("digits-lt").take(torch.arange(8))
    found = {}
    for precision in ("fp32", "bf16", "fp32"):
        engine = Engine(device="cpu", precision=precision)
        data, made = frozen_features(digits, "any", Cache(tmp_path), engine)
        assert made.engine is engine
        found.setdefault(precision, []).append(data)
    assert torch.equal(found["fp32"][0].raw, found["fp32"][1].raw)
    assert not torch.equal(found["fp32"][0].raw, found["bf16"][0].raw)
    assert found["fp32"][0].fingerprint == found["fp32"][1].fingerprint != found["bf16"][0].fingerprint


def table(precision):
    """What tells whether two tables can be one."""
    same = dict.fromkeys(("folds", "seeds", "tuning", "duplicates", "epochs", "backbone", "device", "split"))
    settings = SimpleNamespace(**same, precision=precision)
    return SimpleNamespace(versions={"longtail": "1", "torch": "2"}, settings=settings)


def test_tables_of_two_precisions_are_not_one():
    assert joinable(table("bf16"), table("fp32")) == "other precision"
    assert joinable(table("bf16"), table("bf16")) is None
    assert joinable(table("bf16"), table(None)) is None  # of before it was written down


def test_a_model_predicts_in_the_precision_asked_for(tmp_path):
    rows = pd.DataFrame({"a": [0.1, 0.2, 5.3, 5.1] * 6, "label": ["x", "x", "y", "y"] * 6})
    model = longtail.train(rows, label="label", epochs=1, backbone="mlp", precision="bf16", device="cpu")
    assert model.outcome.engine == Engine(device="cpu", precision="bf16")
    model.save(tmp_path / "model")
    p = {
        precision: longtail.predict(tmp_path / "model", rows, device="cpu", precision=precision)[
            "p_x"
        ].to_numpy()
        for precision in (None, "fp32", "bf16")
    }
    assert (p[None] == p["fp32"]).all()
    assert (p["bf16"] != p["fp32"]).any()
    assert abs(p["bf16"] - p["fp32"]).max() < 0.05
    kept = longtail.predict(model, rows)["p_x"].to_numpy()
    assert (kept == p["bf16"]).all()


def test_a_saved_classifier_runs_where_it_is_read(tmp_path):
    made = longtail.LongTailClassifier("logistic", device="cpu", precision="bf16", random_state=0)
    made.fit([[0.0], [0.1], [3.0], [3.1]] * 5, [0, 0, 1, 1] * 5).save(tmp_path / "model")
    read = longtail.LongTailClassifier.load(tmp_path / "model")
    assert (read.device, read.precision) == ("auto", "fp32")
    assert read.model_.outcome.engine == Engine()
