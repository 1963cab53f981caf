"""Features: what stands between raw rows and a pre-trained encoder, and the features of a frozen one, computed once.

A frozen encoder turns the whole data set into vectors before anything is compared: it sees no labels, so no fold learns
from another. What is fitted on vectors (their standardisation included) is fitted on training rows only, as ever.
"""

from __future__ import annotations

from typing import Any

from longtail.backbones import as_pretrained
from longtail.data import Dataset, FeatureEncoder
from longtail.kinds import EMBEDDING, kind_of
from longtail.part import digest
from longtail.protocol import Backbone
from longtail.run import Engine
from longtail.store import Cache, Entries


def front_of(dataset: Dataset, backbone: Backbone) -> Any:
    """The encoder that a pre-trained backbone needs in front: tokens, or images of about its input's size; None for any
    other backbone. Nothing is learnt from the rows but the common size of images."""
    encoder = as_pretrained(backbone)
    if encoder is None:
        return None
    kind = kind_of(dataset.kind)
    encoder.check(kind)
    assert kind.front is not None
    return kind.front(dataset.raw, encoder)


def frozen_features(
    dataset: Dataset, backbone: Backbone, cache: Entries | None = None, engine: Engine | None = None
) -> tuple[Dataset, FeatureEncoder] | None:
    """The data set as features of a frozen encoder, and the encoder to put before a model; None for any other backbone.

    The encoder runs over the rows once; with a cache, never again.

    Args:
        dataset: texts or images.
        backbone: one whose ``tune`` is "frozen".
        cache: for the features; None keeps nothing.
        engine: device and numerics; the features are named by them, and so are the runs on them.

    Raises:
        ValueError: the encoder cannot be read here, or does not take this kind of data.
        ImportError: its library is not installed.
    """
    encoder = as_pretrained(backbone)
    if encoder is None or not encoder.frozen:
        return None
    cache = cache or Cache(None)
    front = front_of(dataset, encoder)
    assert front is not None
    engine = engine or Engine()
    made = FeatureEncoder(front, encoder.load(kind_of(dataset.kind)), engine=engine)
    key = digest(["features", dataset.fingerprint, encoder.fingerprint(), engine.numerics()])
    stored = cache.get(key)
    features = made.features(dataset.raw) if stored is None else stored[0]["features"]
    if stored is None:
        cache.put(key, {"features": features}, {})
    said = f"{features.shape[1]} frozen features of {encoder}"
    return Dataset(
        dataset.name, EMBEDDING.name, features, dataset.labels, dataset.duplicate_of,
        (*dataset.notes, *front.notes, said), key, reading=dataset.reading, beside=dataset.beside,
    ), made  # fmt: skip
