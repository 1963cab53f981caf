"""feature-space: PCA is numpy's, t-SNE keeps neighbours, and rare classes keep rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.figures import named
from longtail.figures.feature_space import flat, some


def test_pca_is_the_singular_vectors(subject):
    found = named("feature-space").of(subject, method="pca").numbers
    features = subject.trained().features.double().numpy()
    u, s, _ = np.linalg.svd(features - features.mean(0), full_matrices=False)
    assert np.abs(found["xy"]) == pytest.approx(np.abs(u[:, :2] * s[:2]), abs=1e-4)
    names = subject.rows.labels.names
    assert found["classes"] == [names[k] for k in subject.rows.labels.y.tolist()]


def test_tsne_keeps_heaps_apart():
    draw = np.random.default_rng(0)
    xy = flat(np.concatenate([draw.normal(0, 1, (30, 4)), draw.normal(40, 1, (30, 4))]), "tsne")
    near = [np.argsort(np.linalg.norm(xy - p, axis=1))[1] for p in xy]
    assert all((k < 30) == (n < 30) for k, n in enumerate(near))


def test_the_rarest_keep_rows():
    y = torch.cat([torch.zeros(5000), torch.ones(7)]).long()
    kept = some(y, 100)
    assert len(kept) == len(kept.unique()) == 100
    assert int((y[kept] == 1).sum()) == 7
    assert torch.equal(some(y[:50], 100), torch.arange(50))


def test_another_method_is_refused(subject):
    with pytest.raises(ValueError, match="method='umap' must be 'tsne' or 'pca'"):
        named("feature-space").of(subject, method="umap")
