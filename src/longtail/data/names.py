"""names-lt: made-up sentences with names in them, of five kinds that get rarer and rarer. Small, built in, works offline.

A name is one to three made-up words. Its ending and the word before it hint at its kind, and both may be missing or those
of another kind; words that are no names begin with a capital letter now and then. So the words around help, and the rare
kinds are hard. Tags are BIO.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from longtail.data.beside import Beside
from longtail.data.dataset import Dataset
from longtail.data.imbalance import exponential_counts
from longtail.data.tokens import READING, in_sentences, tag_notes
from longtail.kinds import Sentences
from longtail.labels import Labels

KINDS = ("PER", "ORG", "LOC", "DRUG", "LAW")
ENDINGS = ("son", "corp", "burg", "ium", "act")
CUES = ("mister", "company", "near", "dose", "under")
MOST, OTHERS = 900, 300
"""Names of the most frequent kind; sentences without a name."""
SYLLABLES = (
    "ka",
    "lo",
    "mi",
    "ren",
    "ta",
    "vo",
    "sil",
    "der",
    "un",
    "po",
    "gra",
    "ne",
    "bri",
    "zo",
    "hal",
    "tu",
)
HINT, WRONG = 0.7, 0.1
"""How often an ending or a cue is there; and how often, if so, it is one of another kind."""


def names_lt(imbalance: float = 30.0, seed: int = 0) -> Dataset:
    """Sentences with names, as tagged tokens.

    Args:
        imbalance: names of the most frequent kind for one of the rarest.

    Raises:
        ValueError: an imbalance below 1, or one that leaves a kind empty (above 900).

    >>> data = names_lt()
    >>> data.kind, len(data.raw.words), data.labels.num_classes
    ('token', 1848, 11)
    """
    if imbalance > MOST:
        raise ValueError(
            f"imbalance={imbalance:g} must be at most {MOST}: names-lt has no more of its frequent kind"
        )
    draw = np.random.default_rng(seed)
    counts = exponential_counts(MOST, len(KINDS), imbalance).tolist()
    kinds = draw.permutation(np.repeat([*range(len(KINDS)), -1], [*counts, OTHERS]))
    plain = ["".join(draw.choice(SYLLABLES, draw.integers(1, 4))) for _ in range(300)]
    made = [_sentence(draw, plain, int(kind)) for kind in kinds]
    raw = Sentences.of([words for words, _ in made])
    names = ["O", *(f"{begin}-{kind}" for kind in KINDS for begin in "BI")]
    tags = [tag for _, of in made for tag in of]
    y = torch.tensor([names.index(tag) for tag in tags])
    name = "names-lt" if imbalance == 30 else f"names-lt:{imbalance:g}"
    notes = [
        f"built-in, made up: {len(made):,} sentences, imbalance factor of kinds {imbalance:g}",
        *tag_notes(tags, raw),
    ]
    data = Dataset.of(name, "token", raw, Labels.of(y, names, len(names)), notes)
    return replace(data, beside=in_sentences(Beside(), raw), reading=dict(READING))


def _sentence(draw: np.random.Generator, plain: list[str], kind: int) -> tuple[list[str], list[str]]:
    """A sentence with one name of a kind, or with none (-1), and its tags."""
    share = 1 / np.arange(2, len(plain) + 2)
    words = draw.choice(plain, draw.integers(5, 12), p=share / share.sum()).tolist()
    words = [word.capitalize() if k == 0 or draw.random() < 0.05 else word for k, word in enumerate(words)]
    tags = ["O"] * len(words)
    if kind >= 0:
        at = int(draw.integers(0, len(words) + 1))
        name = ["".join(draw.choice(SYLLABLES, draw.integers(2, 4))) for _ in range(draw.integers(1, 4))]
        name[-1] += _hint(draw, ENDINGS, kind)
        cue = [word for word in [_hint(draw, CUES, kind)] if word]
        words[at:at] = [*cue, *(word.capitalize() for word in name)]
        begin = [f"{'B' if k == 0 else 'I'}-{KINDS[kind]}" for k in range(len(name))]
        tags[at:at] = [*("O" for _ in cue), *begin]
    return words, tags


def _hint(draw: np.random.Generator, hints: tuple[str, ...], kind: int) -> str:
    if draw.random() > HINT:
        return ""
    return hints[int(draw.integers(len(hints))) if draw.random() < WRONG else kind]
