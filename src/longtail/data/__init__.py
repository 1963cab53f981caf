"""Data: readers, encoders, imbalance makers, and what is built in."""

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
from longtail.data.inputs import Inputs, load_inputs, read_inputs
from longtail.data.inspect import inspect_facts
from longtail.data.islands import islands_lt
from longtail.data.read import load, with_unlabelled
from longtail.data.target import indices_of

__all__ = [
    "Dataset",
    "EmbeddingEncoder",
    "Encoder",
    "FeatureEncoder",
    "ImageEncoder",
    "ImageFiles",
    "Inputs",
    "SparseEncoder",
    "TableEncoder",
    "TextEncoder",
    "TokenEncoder",
    "choose_first",
    "choose_random",
    "cifar_lt_counts",
    "digits_lt",
    "islands_lt",
    "encoder_for",
    "exponential_counts",
    "giveaways",
    "indices_of",
    "inspect_facts",
    "load",
    "load_inputs",
    "long_tailed_counts",
    "pareto_counts",
    "read_inputs",
    "select",
    "step_counts",
    "with_unlabelled",
]
