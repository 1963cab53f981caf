"""The whole benchmark on images that train in a second."""

import csv
import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from typed import here

from longtail import recipes
from longtail.bench import bench, read_cifar, summary
from longtail.bench.plan import base_stage
from longtail.examples import Examples
from longtail.kinds.start import starting_net
from longtail.run import Engine, train_stages

SMALL = {"preset": "quick", "epochs": 2, "imbalances": (10,)}
NAMES = ("erm", "logit-adjustment", "crt", "focal")


@pytest.fixture(scope="module")
def done(tailed, tmp_path_factory):
    out, events = tmp_path_factory.mktemp("bench"), []
    found = bench(
        "cifar10-lt", data=tailed, recipes=NAMES, seeds=2, out=out, on=events.append, command="longtail bench ...",
        **SMALL,
    )  # fmt: skip
    return found, out, events


def by_recipe(found, name):
    return [r for r in found["runs"] if r["recipe"] == name]


def test_the_score_is_the_last_epoch_on_the_test_set(done, tailed):
    """Trained and scored again by hand."""
    found, _, _ = done
    cifar = read_cifar("cifar10-lt", tailed)
    for run in by_recipe(found, "erm"):
        rows = cifar.train_rows(10, run["subset"])
        labels = cifar.dataset.labels
        train = Examples(cifar.dataset.raw[rows], labels.take(rows), "cifar10-lt")
        net = starting_net("image", train, run["init"], "resnet8")
        recipe = recipes.erm(base_stage("modern", 2, "crop-flip"))
        outcome = train_stages(recipe, net, train, seed=run["order"])
        logits = outcome.logits(cifar.dataset.raw[cifar.test_rows])
        y = labels.y[cifar.test_rows]
        right = (logits.argmax(1) == y).double()
        assert run["scores"]["as_trained"]["accuracy"] == pytest.approx(float(right.mean()), abs=1e-12)
        prior = train.labels.prior
        balanced = ((logits.double() - prior.log()).argmax(1) == y).double().mean()
        assert run["scores"]["balanced"]["accuracy"] == pytest.approx(float(balanced), abs=1e-12)
        natural = sum(
            prior[c] * right[y == c].mean() for c in range(10)
        )  # erm's logits have the natural prior
        assert run["scores"]["natural"]["accuracy"] == pytest.approx(float(natural), abs=1e-9)


def test_shared_stages_are_trained_once(done):
    found, out, _ = done
    first = {
        name: by_recipe(found, name)[0]["stages"][0]["key"] for name in ("erm", "logit-adjustment", "crt")
    }
    assert len(set(first.values())) == 1
    # erm, crt's head, focal twice (its calibrator needs a training without the held-out rows), for two seeds
    assert len(list((out / "cache").glob("*.safetensors"))) == 2 * 4
    erm, adjusted = by_recipe(found, "erm")[0], by_recipe(found, "logit-adjustment")[0]
    for metric in ("accuracy", "nll", "ece"):
        want = erm["scores"]["balanced"][metric]
        assert adjusted["scores"]["as_trained"][metric] == pytest.approx(want, abs=1e-6)


def test_the_table_stands_beside_the_published_one(done):
    found, out, _ = done
    table = (out / "table.md").read_text(encoding="utf-8")
    assert "Preset quick: not the published protocol" in table
    assert "ResNet-8, 2 epochs" in table
    row = next(line for line in table.splitlines() if "| erm |" in line)
    assert "86.4 *" in row
    mean = 100 * sum(r["scores"]["as_trained"]["accuracy"] for r in by_recipe(found, "erm")) / 2
    assert f"{mean:.1f} ± " in row
    assert "(2)" in row
    assert "longtail bench ..." in table
    assert "the subset is always the same" in table  # at the file's own imbalance


def test_the_csv_is_tidy_and_the_figures_hold_text(done):
    found, out, _ = done
    with open(out / "results.csv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert {r["recipe"] for r in rows} == set(NAMES)
    assert len({(r["subset"], r["init"], r["order"]) for r in rows}) == 2
    assert {r["prior"] for r in rows} == {"", "as_trained", "natural", "balanced"}
    for name in ("cost-10.svg", "curves-10.svg"):
        svg = (out / name).read_text(encoding="utf-8")
        assert "<text" in svg
        assert "logit-adjustment" in svg
    assert json.loads((out / "results.json").read_text(encoding="utf-8"))["runs"] == found["runs"]


def test_what_takes_long_is_said_before(done):
    assert any("trainings to do: about" in event.get("note", "") for event in done[2])


def test_the_same_call_repeats_no_work(done, tailed):
    found, out, _ = done
    before = {f: f.stat().st_mtime_ns for d in ("cache", "runs") for f in (out / d).iterdir()}
    events = []
    again = bench("cifar10-lt", data=tailed, recipes=NAMES, seeds=2, out=out, on=events.append, **SMALL)
    assert {f: f.stat().st_mtime_ns for d in ("cache", "runs") for f in (out / d).iterdir()} == before
    assert again["runs"] == found["runs"]
    assert not any("to do" in event.get("note", "") for event in events)


def test_factors_vary_alone_and_the_first_runs_are_kept(done, tailed, tmp_path):
    """A wider design, asked for later, goes on from the runs that are there."""
    out = tmp_path / "vary"
    few = {
        "data": tailed,
        "recipes": ["erm"],
        "seeds": 2,
        "out": out,
        "preset": "quick",
        "epochs": 1,
        "imbalances": [100],
    }
    bench("cifar10-lt", **few)
    before = {f: f.stat().st_mtime_ns for f in (out / "runs").iterdir()}
    found = bench("cifar10-lt", **few, vary=["order", "init", "subset"])
    assert before.items() <= {f: f.stat().st_mtime_ns for f in (out / "runs").iterdir()}.items()
    draws = {(r["subset"], r["init"], r["order"]) for r in found["runs"]}
    assert draws == {(0, 0, 0), (1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)}
    keys = [r["stages"][0]["key"] for r in found["runs"]]
    assert len(set(keys)) == 5
    table = (out / "table.md").read_text(encoding="utf-8")
    for factor in ("order", "init", "subset"):
        assert f"| erm | {factor} | 2 |" in table
    row = next(line for line in table.splitlines() if "| 1 | erm |" in line)
    assert "(2)" in row  # the mean is over the runs in which all differ


def test_a_budget_leaves_the_rest_for_later(tailed, tmp_path):
    asked = {**SMALL, "imbalances": (100, 10)}
    found = bench("cifar10-lt", data=tailed, recipes=["erm"], seeds=1, budget=1e-9, out=tmp_path, **asked)
    assert {r["status"] for r in found["runs"]} == {"skipped"}
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert table.count("Not run yet: erm.") == 2
    found = bench("cifar10-lt", data=tailed, recipes=["erm"], seeds=1, out=tmp_path, **asked)
    assert [(r["imbalance"], r["status"]) for r in found["runs"]] == [(100, "done"), (10, "done")]


def test_the_curve_ends_at_the_score_and_changes_nothing(done, tailed, tmp_path):
    found = bench("cifar10-lt", data=tailed, recipes=["erm"], seeds=1, curve=1, out=tmp_path, **SMALL)
    (run,), plain = by_recipe(found, "erm"), by_recipe(done[0], "erm")[0]
    assert [h["epoch"] for h in run["history"] if "probe" in h] == [0, 1]
    assert run["history"][-1]["probe"]["accuracy"] == run["scores"]["as_trained"]["accuracy"]
    assert run["stages"][0]["key"] == plain["stages"][0]["key"]
    assert run["scores"] == plain["scores"]


def test_recipes_of_your_own_stand_beside_the_house(done, tailed, tmp_path):
    own = {"erm": recipes.erm, "mine": partial(recipes.crt, share=0.5, shifted=True)}
    found = bench("cifar10-lt", data=tailed, recipes=own, seeds=1, out=tmp_path, **SMALL)
    plain, mine = (by_recipe(found, name)[0] for name in own)
    assert (
        plain["stages"][0]["key"]
        == mine["stages"][0]["key"]
        == by_recipe(done[0], "erm")[0]["stages"][0]["key"]
    )
    assert mine["status"] == "done"
    assert [s["name"] for s in mine["stages"]] == ["erm", "head"]
    assert "| mine |" in (tmp_path / "table.md").read_text(encoding="utf-8")


def test_untuned_recipes_have_their_own_decisions_only(tailed, tmp_path):
    found = bench(
        "cifar10-lt",
        data=tailed,
        recipes=["focal", "tau-norm"],
        seeds=1,
        out=tmp_path,
        tuning="none",
        **SMALL,
    )
    focal, tau = (by_recipe(found, name)[0] for name in ("focal", "tau-norm"))
    assert focal["status"] == tau["status"] == "done", tau["error"]
    assert set(focal["scores"]) == {"as_trained"}
    assert (
        len(list((tmp_path / "cache").glob("*.safetensors"))) == 2
    )  # focal and erm's stage, nothing held out


def test_a_failure_is_a_line_of_the_table(tailed, tmp_path, monkeypatch):
    from longtail.bench import plan

    monkeypatch.setitem(plan.UNTUNED, "tau-norm", {"tau": None})
    found = bench(
        "cifar10-lt", data=tailed, recipes=["erm", "tau-norm"], seeds=1, out=tmp_path, tuning="none", **SMALL
    )
    assert by_recipe(found, "erm")[0]["status"] == "done"
    assert "tau-norm failed: ValueError" in (tmp_path / "table.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"recipes": ["erm", "none"]}, "no deep recipe 'none'"),
        ({"recipes": ["random-forest"]}, "no deep recipe 'random-forest'"),
        ({"preset": "slow"}, "preset='slow'"),
        ({"backbone": "mlp"}, "takes text and table and embedding and token data, and this is image data"),
        ({"tuning": "holdout"}, "tuning='holdout'"),
        ({"imbalances": [2]}, "asks for"),
        ({"vary": ["all"]}, "no 'all'"),
        ({"jobs": 0}, "jobs=0"),
    ],
)
def test_a_mistake_is_an_error_before_training(tailed, tmp_path, changes, words):
    asked = {**SMALL, "recipes": ["erm"], "seeds": 1, **changes}
    with pytest.raises(ValueError, match=words):
        bench("cifar10-lt", data=tailed, out=tmp_path, **asked)
    assert not list(tmp_path.glob("cache/*.safetensors"))


def test_channels_last_and_bf16_give_the_same_up_to_rounding(tailed, tmp_path):
    losses = []
    for k, engine in enumerate((Engine(), Engine(channels_last=False), Engine(precision="bf16"))):
        found = bench(
            "cifar10-lt", data=tailed, recipes=["erm"], seeds=1, out=tmp_path / str(k), engine=engine, **SMALL
        )
        losses.append([h["loss"] for h in found["runs"][0]["history"]])
    assert losses[1] == pytest.approx(losses[0], rel=0.1)
    assert losses[2] == pytest.approx(losses[0], rel=0.1)


def test_killed_and_resumed_gives_the_same_table(done, tailed, tmp_path):
    """SIGKILL once one run has finished; nothing finished is done twice, and the scores are those of one go."""
    args = (
        "bench", "cifar10-lt", "--data", str(tailed), "--recipes", ",".join(NAMES), "--seeds", "2", "--preset", "quick",
        "--epochs", "2", "--imbalance", "10", "--out", str(tmp_path),
    )  # fmt: skip
    command = [sys.executable, "-m", "longtail", *args]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(Path(tmp_path).glob("runs/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {f: f.stat().st_mtime_ns for f in tmp_path.glob("runs/[!.]*.json")}
    assert 1 <= len(kept) < 8
    again = here(*args, "--jobs", 2, cwd=tmp_path)
    assert all(f.stat().st_mtime_ns == moment for f, moment in kept.items())
    runs = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["runs"]
    want = {(r["recipe"], r["init"]): r["scores"] for r in done[0]["runs"]}
    got = {(r["recipe"], r["init"]): r["scores"] for r in runs}
    assert got == want
    assert "| erm |" in again.stdout


def test_what_a_subset_leaves_out_is_there_without_labels(tailed, whole, tmp_path):
    """Pseudo-labels learns from it, and nothing else changes for the other recipes."""
    cifar = read_cifar("cifar10-lt", whole)
    rows = cifar.train_rows(10, 1)
    assert sorted([*rows.tolist(), *cifar.left_out(rows).tolist()]) == list(range(cifar.pool))
    found = bench("cifar10-lt", data=whole, recipes=["erm", "pseudo-labels"], seeds=1, out=tmp_path, **SMALL)
    alone = bench("cifar10-lt", data=whole, recipes=["erm"], seeds=1, out=tmp_path / "alone", **SMALL)
    assert [r["status"] for r in found["runs"]] == ["done", "done"]
    assert found["runs"][0]["scores"] == alone["runs"][0]["scores"]
    lines = {line.recipe: line for line in summary.lines(found, 10)}
    assert lines["erm"].cost == 1
    assert lines["pseudo-labels"].cost > 1  # its teacher counts
    at_own = bench(
        "cifar10-lt", data=tailed, recipes=["pseudo-labels"], seeds=1, out=tmp_path / "none", **SMALL
    )
    assert "learns from rows without labels" in at_own["runs"][0]["error"]
