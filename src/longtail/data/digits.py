"""digits-lt: scikit-learn's handwritten digits made long-tailed. Small, built in, works offline.

1,797 images of 8x8 pixels (the test part of UCI's optical digits); 10 classes of 174 to 183, cut to an
exponential profile with the digit 0 the largest class. At the default imbalance factor of 20 the rarest
class has 8 images.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtail.data.dataset import Dataset
from longtail.data.imbalance import choose_random, exponential_counts
from longtail.labels import Labels


def digits_lt(imbalance: float = 20.0, seed: int = 0) -> Dataset:
    """Long-tailed digits, images uint8 ``[N, 3, 8, 8]``, rows shuffled.

    Raises:
        ValueError: an imbalance below 1, or one that leaves a class empty (above 174).

    >>> data = digits_lt()
    >>> tuple(data.raw.shape), data.labels.counts.tolist()
    ((587, 3, 8, 8), [174, 124, 89, 64, 45, 32, 23, 16, 12, 8])
    """
    pixels, digit = digits()
    labels = Labels.of(torch.from_numpy(digit))
    n_max = int(labels.counts.min())
    if imbalance > n_max:
        raise ValueError(
            f"imbalance={imbalance:g} must be at most {n_max}: digits-lt has no more images a class"
        )
    index = choose_random(labels, exponential_counts(n_max, 10, imbalance), seed)
    index = index[torch.randperm(len(index), generator=torch.Generator().manual_seed(seed))]
    grey = (torch.from_numpy(pixels) * (255 / 16)).round().to(torch.uint8)
    raw = grey[index][:, None].expand(-1, 3, -1, -1).contiguous()
    name = "digits-lt" if imbalance == 20 else f"digits-lt:{imbalance:g}"
    note = f"built-in digits: {len(index)} of 1,797 images, imbalance factor {imbalance:g}"
    return Dataset.of(name, "image", raw, labels.take(index), [note])


def digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Grey values from 0 to 16, float64 ``[1797, 8, 8]``, and the digit of each image, int64 ``[1797]``.

    Read from scikit-learn's file: to import scikit-learn for it takes longer than to judge a comparison.
    """
    found = find_spec("sklearn")
    assert found is not None
    assert found.submodule_search_locations is not None
    file = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    table = np.loadtxt(file, delimiter=",")
    return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)
