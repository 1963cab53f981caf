"""The command line as a person uses it, on small files. A process of its own runs where signals and workers count."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typed import here, process


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table with three classes, one of them named like a script."""
    folder = tmp_path_factory.mktemp("cli")
    rng = np.random.default_rng(0)
    names, counts = ["common", "less <b>so</b>", "<script>alert(1)</script>"], [200, 60, 20]
    with open(folder / "table.csv", "w", newline="", encoding="utf-8") as f:
        out = csv.writer(f)
        out.writerow(["size", "weight", "colour", "label"])
        for k, (name, n) in enumerate(zip(names, counts)):
            for _ in range(n):
                colour = rng.choice(["red", "green"], p=[0.2 + 0.3 * k, 0.8 - 0.3 * k])
                out.writerow([rng.normal(k), rng.normal(-k), colour, name])
    return folder


RECIPES = "erm,logit-adjustment,crt,focal,logistic"


@pytest.fixture(scope="module")
def compared(folder):
    args = ("table.csv", "--recipes", RECIPES, "--folds", 2, "--jobs", 2, "--epochs", 6, "--out", "out")
    return process("compare", *args, cwd=folder)  # with its workers


def test_compare_prints_ranked_tables_and_a_recommendation(compared):
    out = compared.stdout
    assert "Under the natural prior" in out
    assert "Under the balanced prior" in out
    for name in RECIPES.split(","):
        assert name in out
    assert "Report:" in out
    assert "Model:" in out


def test_compare_writes_results(folder, compared):
    results = json.loads((folder / "out/results.json").read_text(encoding="utf-8"))
    assert {r["status"] for r in results["runs"]} == {"done"}
    assert len(results["runs"]) == 10
    assert results["command"].startswith("longtail compare table.csv")
    with open(folder / "out/results.csv", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert set(rows[0]) == {"recipe", "fold", "seed", "prior", "metric", "value"}
    assert {r["prior"] for r in rows} == {"", "as_trained", "natural", "balanced"}
    one = [r for r in results["runs"] if r["recipe"] == "logit-adjustment"]
    assert all(s["shared"] for r in one for s in r["stages"])
    sources = {r["recipe"]: r["prior_source"] for r in results["runs"]}
    assert sources["focal"] == "fitted"
    assert all(sources[name].startswith("closed form") for name in ("crt", "erm"))


def test_the_report_shows_class_names_and_runs_none(folder, compared):
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert "longtail compare table.csv" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_the_same_command_again_repeats_no_work(folder, compared):
    before = {f: f.stat().st_mtime_ns for d in ("cache", "runs") for f in (folder / "out" / d).iterdir()}
    table = compared.stdout.split("Under the natural prior")[1]
    args = ("table.csv", "--recipes", RECIPES, "--folds", 2, "--jobs", 1, "--epochs", 6, "--out", "out")
    again = here("compare", *args, cwd=folder)
    assert again.stdout.split("Under the natural prior")[1] == table
    after = {f: f.stat().st_mtime_ns for d in ("cache", "runs") for f in (folder / "out" / d).iterdir()}
    assert before == after


def test_predict_with_the_model_that_was_kept(folder, compared):
    lines = (folder / "table.csv").read_text(encoding="utf-8").splitlines()
    bare = [line.rsplit(",", 1)[0] for line in lines[:40]]
    (folder / "new.csv").write_text("\n".join(bare), encoding="utf-8")
    for prior in ("natural", "balanced"):
        here("predict", "out/model", "new.csv", "--prior", prior, "--out", f"{prior}.csv", cwd=folder)
        with open(folder / f"{prior}.csv", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        assert len(rows) == 39
        total = sum(float(v) for k, v in rows[0].items() if k.startswith("p_"))
        assert abs(total - 1) < 1e-5
    (folder / "prior.json").write_text(json.dumps([0.1, 0.2, 0.7]))
    here("predict", "out/model", "new.csv", "--prior", "prior.json", "--out", "own.csv", cwd=folder)


def test_predict_says_what_it_could_not_read(tmp_path):
    rows = "".join(f"{1.5 * k:.2f},{['red', 'blue'][k % 2]},{int(k % 5 == 0)}\n" for k in range(60))
    (tmp_path / "t.csv").write_text("amount,colour,label\n" + rows)
    here("train", "t.csv", "--recipe", "logistic", cwd=tmp_path)
    (tmp_path / "new.csv").write_text('amount,colour,id\n"1,163.74",pink,1\n7.50,red,2\n')
    said = here("predict", "longtail-model", "new.csv", cwd=tmp_path).stdout
    for words in (
        "1 of 2 cells are not numbers (row 1: '1,163.74')",
        "not used: column 'id'",
        "('pink')",
        "2 rows to",
    ):
        assert words in said, said


def test_several_data_sets_are_ranked(folder):
    (folder / "again").mkdir()
    (folder / "again" / "other.csv").write_bytes((folder / "table.csv").read_bytes())
    args = (
        "--recipes",
        "logistic,random-under+logistic,near-miss+logistic",
        "--folds",
        2,
        "--jobs",
        1,
        "--no-model",
    )
    done = here("compare", "table.csv", "again/other.csv", *args, "--out", "ranks", cwd=folder)
    assert "Ranks under the natural prior" in done.stdout
    assert "mean rank" in done.stdout
    assert sorted(p.name for p in (folder / "ranks").iterdir()) == [
        "other",
        "ranks.json",
        "report.html",
        "table",
    ]
    assert "<script>alert(1)" not in (folder / "ranks/report.html").read_text(encoding="utf-8")
    own = here(
        "compare",
        "table.csv",
        "again/other.csv",
        *args,
        "--prior",
        "p.json",
        "--out",
        "r",
        cwd=folder,
        check=False,
    )
    assert own.returncode == 2
    assert "must be natural or balanced" in own.stderr


def test_train_inspect_and_recipes(folder):
    here("train", "table.csv", "--recipe", "balanced-softmax", "--epochs", 3, "--out", "model", cwd=folder)
    assert sorted(p.suffix for p in (folder / "model").iterdir()) == [".json", ".safetensors"]
    here("predict", "model", "table.csv", "--out", "p.parquet", cwd=folder)
    assert "<script>alert(1)</script>" in here("inspect", "table.csv", cwd=folder).stdout
    listed = here("recipes", cwd=folder).stdout
    for name in ("erm", "ldam-drw", "random-forest"):
        assert name in listed


def test_a_declared_prior_is_scored(folder):
    (folder / "deploy.json").write_text(
        json.dumps({"common": 0.2, "less <b>so</b>": 0.5, "<script>alert(1)</script>": 0.3})
    )
    args = ("table.csv", "--recipes", "erm,logistic", "--folds", 2, "--jobs", 1, "--epochs", 3, "--no-model")
    out = here("compare", *args, "--prior", "deploy.json", "--out", "declared", cwd=folder).stdout
    assert "Under the declared prior" in out


def test_a_budget_is_respected_and_the_rest_goes_on_later(folder):
    args = ("table.csv", "--recipes", "erm,focal", "--folds", 2, "--jobs", 1, "--out", "budget", "--no-model")
    short = here("compare", *args, "--epochs", 30000, "--budget", "3s", cwd=folder, check=False)
    assert short.returncode == 3
    assert "Out of time: no run finished" in short.stderr
    assert "a larger --budget" in short.stderr
    args = (*args[:2], "logistic,erm", *args[3:])
    short = here("compare", *args, "--epochs", 30000, "--budget", "10s", cwd=folder)
    results = json.loads((folder / "budget/results.json").read_text(encoding="utf-8"))
    assert {r["recipe"] for r in results["runs"] if r["status"] == "done"} == {"logistic"}
    assert "Not run: erm. The same again goes on from here." in " ".join(short.stdout.split())
    assert "2 recipes x 2 folds: about" in short.stderr


@pytest.mark.parametrize(
    "args, words",
    [
        (("compare", "nowhere.csv"), "nowhere.csv"),
        (("compare", "table.csv", "--recipes", "erm,none"), "there is no 'none'"),
        (("compare", "table.csv", "--prior", "even"), "--prior even must be"),
        (("compare", "table.csv", "--budget", "soon"), "--budget 'soon'"),
        (("compare", "table.csv", "--label", "sort"), "sort"),
        (("compare", "table.csv", "--backbone", "resnet8"), "takes image data"),
        (("compare", "table.csv", "--folds", "1"), "--folds 1 must be"),
        (
            ("compare", "table.csv", "--baseline", "ldam-drw", "--recipes", "erm"),
            "--baseline ldam-drw is not",
        ),
        (("predict", "nowhere", "table.csv"), "no model.json"),
        (("train", "table.csv", "--recipe", "none"), "there is no 'none'"),
    ],
)
def test_a_mistake_is_one_clear_line(folder, args, words):
    done = here(*args, cwd=folder, check=False)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stop, code", [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stop_is_clean_and_loses_nothing(folder, stop, code):
    """Ctrl-C reaches all processes; a batch system tells the first alone, whose workers wrote tracebacks."""
    args = [
        "compare",
        "table.csv",
        "--recipes",
        "logistic,focal",
        "--folds",
        "2",
        "--epochs",
        "100000",  # focal is never done before it is stopped, however busy the machine
        "--out",
        stop,
    ]
    run = subprocess.Popen(
        [sys.executable, "-m", "longtail", *args, "--jobs", "2"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        # A shell that put the tests in the background has them ignore Ctrl-C, and all they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not list((folder / stop).glob("runs/*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # focal is in training
        assert run.poll() is None
        (os.killpg if stop == "SIGINT" else os.kill)(run.pid, signal.Signals[stop])
        _, err = run.communicate(timeout=60)
        assert run.returncode == code, err
        assert "the same command goes on from here" in err
        assert "Traceback" not in err
        deadline = time.monotonic() + 3
        while alive(run.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not alive(run.pid), "a worker is left behind"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def test_rows_without_labels_are_learnt_from(folder):
    with open(folder / "table.csv", encoding="utf-8") as f:
        rows = list(csv.reader(f))
    with open(folder / "more.csv", "w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(row[:3] for row in rows[:60])
    args = ("train", "table.csv", "--recipe", "pseudo-labels", "--epochs", 2, "--out", "semi")
    refused = here(*args, cwd=folder, check=False)
    assert refused.returncode == 2
    assert "--unlabelled FILE" in refused.stderr
    assert "Saved to semi" in here(*args, "--unlabelled", "more.csv", cwd=folder).stdout


def test_a_recipe_for_images_is_refused_on_a_table_before_training(folder):
    args = ("compare", "table.csv", "--recipes", "erm,ssp-rotation", "--out", "refused")
    done = here(*args, cwd=folder, check=False)
    assert done.returncode == 2
    assert "needs images, and this is table data" in done.stderr
    assert not (folder / "refused").exists()


def test_ctrl_c_while_workers_start_is_quiet(folder):
    """A worker that was importing when Ctrl-C came printed a traceback of its own."""
    args = [
        "compare",
        "table.csv",
        "--recipes",
        "erm",
        "--folds",
        "2",
        "--epochs",
        "100000",
        "--out",
        "early",
    ]
    command = [sys.executable, "-m", "longtail", *args, "--jobs", "2"]
    run = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while workers(run.pid) < 3 and time.monotonic() < deadline:  # two and the resource tracker
            time.sleep(0.01)
        time.sleep(0.3)
        os.killpg(run.pid, signal.SIGINT)
        _, err = run.communicate(timeout=60)
        assert run.returncode == 130, err
        assert "Traceback" not in err
        assert "Stopped." in err
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def alive(group):
    """Whether a process of a group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def workers(pid):
    """How many processes a process has started."""
    found = subprocess.run(
        ["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False
    )
    return len(found.stdout.split())


def test_every_failed_run_is_an_exit_code_and_a_line(folder):
    (folder / "tiny.csv").write_text("size,label\n1,a\n2,b\n", encoding="utf-8")
    args = (
        "compare",
        "tiny.csv",
        "--label",
        "label",
        "--recipes",
        "smote+logistic",
        "--folds",
        2,
        "--jobs",
        1,
    )
    done = here(*args, "--out", "tiny", cwd=folder, check=False)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr


def test_clean_frees_the_cache_and_says_how_much(folder, compared):
    before = (folder / "out/results.json").read_bytes()
    assert "freed in out" in here("clean", "out", cwd=folder).stdout
    assert not (folder / "out/cache").exists()
    assert (folder / "out/results.json").read_bytes() == before
    assert here("clean", "nowhere", cwd=folder, check=False).returncode == 2


def test_exit_codes_are_in_the_help(folder):
    said = " ".join(here("--help", cwd=folder).stdout.replace("│", " ").split())
    assert "Exit codes: 0 done" in said
    assert "3 out of time with nothing finished" in said


def test_settings_stand_behind_a_name(folder):
    asked = "focal:gamma=1,logistic:c=0.5,random-under+random-forest:trees=20"
    args = (
        "table.csv",
        "--recipes",
        asked,
        "--folds",
        2,
        "--jobs",
        1,
        "--epochs",
        2,
        "--baseline",
        "focal:gamma=1",
    )
    out = here("compare", *args, "--out", "set", "--no-model", cwd=folder).stdout
    assert all(name in out for name in asked.split(","))
    results = json.loads((folder / "set/results.json").read_text(encoding="utf-8"))
    assert list(results["recipes"]) == asked.split(",")
    assert {r["status"] for r in results["runs"]} == {"done"}
    here("train", "table.csv", "--recipe", "logistic:c=0.5", "--out", "set-model", cwd=folder)
    about = json.loads((folder / "set-model/model.json").read_text(encoding="utf-8"))
    assert about["facts"]["recipe"]["name"] == "logistic:c=0.5"


@pytest.mark.parametrize(
    ("recipes", "said"),
    [
        ("focal:gama=1", "focal has no setting 'gama'; did you mean 'gamma'?; its settings are gamma"),
        ("logistic:c=much", "c=much must be a number or none"),
        ("erm:gamma=1", "erm has no setting 'gamma'; it has no settings"),
        ("focal:gamma", "'gamma' must be SETTING=VALUE"),
    ],
)
def test_a_wrong_setting_is_one_line(folder, recipes, said):
    done = here("compare", "table.csv", "--recipes", recipes, "--out", "wrong", cwd=folder, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
