"""A file of a part may move within its room: no key changes, and models saved before load."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import longtail

MOVED = {
    "losses/focal.py": "losses/by_difficulty.py",
    "losses/cross_entropy.py": "losses/plain.py",
    "samplers/shuffled.py": "samplers/as_they_come.py",
    "heads/linear.py": "heads/affine.py",
    "backbones/mlp.py": "backbones/perceptron.py",
    "adjust/thresholds.py": "adjust/cuts.py",
}
ASK = """
import json, zipfile
import identities, saved_models, torch
import longtail.losses.by_difficulty
from longtail.model import Model
golden = json.loads(identities.FILE.read_text())
now = identities.digests()
print(sum(now[kind][name] != row for kind in now for name, row in golden[kind].items()), "keys changed")
for name in ("table", "adjuster"):
    zipfile.ZipFile(saved_models.FOLDER / f"{name}.zip").extractall(name)
    asked, model = json.load(open(f"{name}/asked.json")), Model.load(name)
    found = model.predict_proba(saved_models.rows(asked))
    assert torch.allclose(found, torch.tensor(asked["probabilities"]["natural"]), atol=2e-6)
    print(type(model.outcome.net.head).__module__, type(model.outcome.thresholds).__module__)
"""


def module(file):
    return "longtail." + file.removesuffix(".py").replace("/", ".")


def test_files_move_and_keys_and_models_stay(tmp_path):
    tree = tmp_path / "longtail"
    shutil.copytree(Path(longtail.__file__).parent, tree, ignore=shutil.ignore_patterns("__pycache__"))
    for old, new in MOVED.items():
        (tree / old).rename(tree / new)
    for file in tree.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        for old, new in MOVED.items():
            text = text.replace(f"{module(old)} import", f"{module(new)} import")
        file.write_text(text, encoding="utf-8")
    found = subprocess.run(
        [sys.executable, "-c", ASK], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parent), *sys.path])},
    )  # fmt: skip
    assert not found.returncode, found.stderr
    said = "longtail.heads.affine longtail.adjust.cuts"
    assert found.stdout.splitlines() == ["0 keys changed", said, said]
