"""Data: data sets and how they are read, imbalance makers, and what is built in; the encoders of ``longtail.kinds``."""

from longtail.data.asked import Rows
from longtail.data.costing import costs_in, with_costs
from longtail.data.dataset import Dataset, encoder_for, giveaways, select
from longtail.data.digits import digits_lt
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
from longtail.data.islands import islands_lt
from longtail.data.names import names_lt
from longtail.data.read import load, load_inputs, read_inputs, with_unlabelled
from longtail.formats.images import ImageFiles
from longtail.formats.target import indices_of
from longtail.kinds import (
    EmbeddingEncoder,
    Encoder,
    FeatureEncoder,
    ImageEncoder,
    SparseEncoder,
    TableEncoder,
    TextEncoder,
    TokenEncoder,
)

__all__ = [
    "Dataset",
    "EmbeddingEncoder",
    "Encoder",
    "FeatureEncoder",
    "ImageEncoder",
    "ImageFiles",
    "Rows",
    "SparseEncoder",
    "TableEncoder",
    "TextEncoder",
    "TokenEncoder",
    "choose_first",
    "choose_random",
    "cifar_lt_counts",
    "costs_in",
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
    "names_lt",
    "pareto_counts",
    "read_inputs",
    "select",
    "step_counts",
    "with_costs",
    "with_unlabelled",
]
