"""Data: readers, encoders, imbalance makers, and the built-in digits-lt."""

from longtail.data.dataset import Dataset, select
from longtail.data.digits import digits_lt
from longtail.data.encode import (
    EmbeddingEncoder,
    Encoder,
    FeatureEncoder,
    ImageEncoder,
    SparseEncoder,
    TableEncoder,
    TextEncoder,
    TokenEncoder,
    encoder_for,
)
from longtail.data.giveaways import giveaways
from longtail.data.images import ImageFiles
from longtail.data.imbalance import (
    choose_first,
    choose_random,
    cifar_lt_counts,
    exponential_counts,
    long_tailed_counts,
    pareto_counts,
    step_counts,
)
from longtail.data.inspect import inspect_facts
from longtail.data.read import load, load_inputs, with_unlabelled

__all__ = [
    "Dataset",
    "EmbeddingEncoder",
    "Encoder",
    "FeatureEncoder",
    "ImageEncoder",
    "ImageFiles",
    "SparseEncoder",
    "TableEncoder",
    "TextEncoder",
    "TokenEncoder",
    "choose_first",
    "choose_random",
    "cifar_lt_counts",
    "digits_lt",
    "encoder_for",
    "exponential_counts",
    "giveaways",
    "inspect_facts",
    "load",
    "load_inputs",
    "long_tailed_counts",
    "pareto_counts",
    "select",
    "step_counts",
    "with_unlabelled",
]
