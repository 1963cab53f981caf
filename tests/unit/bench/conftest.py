"""A benchmark small enough to train in a second: ten classes of coloured 8x8 images in the Hugging Face schema."""

import io

import numpy as np
import pytest

N_MAX = 60


def parquet(path, counts, seed):
    import pandas as pd
    from PIL import Image

    rng, rows = np.random.default_rng(seed), []
    for c, n in enumerate(counts):
        for _ in range(n):
            pixels = rng.integers(0, 120, (8, 8, 3))
            pixels[c % 8, :, c % 3] += 120
            out = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(out, "PNG")
            rows.append({"img": {"bytes": out.getvalue(), "path": None}, "label": c})
    order = rng.permutation(len(rows))
    pd.DataFrame([rows[i] for i in order]).to_parquet(path)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A pool with every class full, as CIFAR itself has it."""
    folder = tmp_path_factory.mktemp("whole")
    parquet(folder / "train.parquet", [N_MAX] * 10, 0)
    parquet(folder / "test.parquet", [8] * 10, 1)
    return folder


@pytest.fixture(scope="session")
def tailed(tmp_path_factory):
    """A pool at imbalance 10."""
    folder = tmp_path_factory.mktemp("tailed")
    parquet(folder / "train.parquet", [int(N_MAX * 10 ** (-c / 9)) for c in range(10)], 0)
    parquet(folder / "test.parquet", [8] * 10, 1)
    return folder
