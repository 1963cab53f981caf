"""Text as TF-IDF of character and word n-grams: strong on short texts, needs no download, reads any script.

    tf = 1 + log(count),  idf = log((1 + n) / (1 + df)) + 1,  each row divided by its Euclidean norm

which is scikit-learn's ``TfidfVectorizer(sublinear_tf=True, min_df=2)`` to the last digit (tested); counting
is scikit-learn's own, or the same done faster. Where words are written without spaces (Chinese, Japanese,
Thai, ...) the terms are runs of 1 to 3 characters; elsewhere words and pairs of words, beside runs of 2 to 5
characters inside words, each half with norm 1/sqrt 2.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from longtail.inputs import SparseRows
from longtail.kinds.text import ngrams as ngrams_of

_UNSEGMENTED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
)
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, eq=False)
class _Terms:
    """One analyser's vocabulary: the column of each term, and its idf (float64)."""

    analyzer: str
    ngrams: tuple[int, int]
    vocabulary: tuple[str, ...]
    idf: Tensor


@dataclass(frozen=True, eq=False)
class TextEncoder:
    """Texts -> :class:`SparseRows` float32. Terms that training did not have are passed over; an empty text
    is an empty row.

    >>> encoder = TextEncoder.fit(["好吃", "好喝", "不好吃"])
    >>> encoder(["好吃"]).dense().shape
    torch.Size([1, 3])
    """

    terms: tuple[_Terms, ...]
    notes: tuple[str, ...] = ()
    kind: ClassVar[str] = "text"

    @classmethod
    def fit(
        cls, raw: Sequence[str], analyzer: str | None = None, min_df: int = 2, max_terms: int = 300_000
    ) -> TextEncoder:
        """Vocabulary and idf from the training texts.

        Args:
            analyzer: "char" (runs of 1 to 3), "word+char", or None to choose by script.
            min_df: a term must occur in this many texts.
            max_terms: of each analyser, the commonest are kept.

        Raises:
            ValueError: no text has any term.
        """
        if analyzer not in (None, "char", "word+char"):
            raise ValueError(f"analyzer={analyzer!r} must be 'char', 'word+char' or None")
        if analyzer is None:
            analyzer = "char" if unsegmented(raw) else "word+char"
        notes = []
        plans = [("char", (1, 3))] if analyzer == "char" else [("word", (1, 2)), ("char_wb", (2, 5))]
        parts = []
        for name, ngrams in plans:
            terms, said = _fit(raw, name, ngrams, min_df, max_terms)
            notes += said
            if terms is not None:
                parts.append(terms)
        if not parts:
            raise ValueError(
                f"raw: none of the {len(raw)} texts holds a term to learn from; is this the text column?"
            )
        shown = " and ".join(
            f"{len(p.vocabulary)} {p.analyzer} {p.ngrams[0]}-{p.ngrams[1]}-grams" for p in parts
        )
        return cls(tuple(parts), (f"TF-IDF of {shown}", *notes))

    def __call__(self, raw: Sequence[str]) -> SparseRows:
        import numpy as np
        import scipy.sparse as sp

        refuse_frames(raw)
        blocks = []
        for terms in self.terms:
            if terms.analyzer == "char":
                x = ngrams_of.counts(raw, ngrams_of.packed(terms.vocabulary))
            else:
                x = _counter(terms.analyzer, terms.ngrams, terms.vocabulary).transform(raw).tocsr()
            x.sort_indices()
            blocks.append(_weigh(x, terms.idf.numpy()) / np.sqrt(len(self.terms)))
        joined = sp.hstack(blocks, format="csr") if len(blocks) > 1 else blocks[0].tocsr()
        return SparseRows(
            torch.from_numpy(joined.indptr.astype(np.int64)),
            torch.from_numpy(joined.indices.astype(np.int64)),
            torch.from_numpy(joined.data.astype(np.float32)),
            joined.shape[1],
        )

    @property
    def feature_shape(self) -> tuple[int, ...]:
        return (self.num_features,)

    @property
    def num_features(self) -> int:
        return sum(len(t.vocabulary) for t in self.terms)

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        facts = [
            {"analyzer": t.analyzer, "ngrams": list(t.ngrams), "vocabulary": list(t.vocabulary)}
            for t in self.terms
        ]
        tensors = {f"idf{i}": t.idf for i, t in enumerate(self.terms)}
        return {"kind": self.kind, "terms": facts, "notes": list(self.notes)}, tensors

    @classmethod
    def load(cls, facts: dict[str, Any], tensors: dict[str, Tensor]) -> TextEncoder:
        terms = tuple(
            _Terms(
                f["analyzer"],
                (int(f["ngrams"][0]), int(f["ngrams"][1])),
                tuple(f["vocabulary"]),
                tensors[f"idf{i}"],
            )
            for i, f in enumerate(facts["terms"])
        )
        return cls(terms, tuple(facts["notes"]))


def refuse_frames(raw: Any) -> None:
    """A data frame is a sequence of its column names, not of texts.

    Raises:
        TypeError: ``raw`` is one.
    """
    if hasattr(raw, "columns"):
        raise TypeError("raw is a data frame; texts are needed, one a row: give the column that holds them")


def unsegmented(texts: Sequence[str]) -> bool:
    """Are these texts mostly in a script that does not put spaces between words?

    >>> unsegmented(["味道很不错", "OK"]), unsegmented(["quite good"])
    (True, False)
    """
    step = max(1, len(texts) // 2000)
    sample = " ".join(t[:500] for t in texts[::step])
    letters = len(_LETTER.findall(sample))
    return letters > 0 and len(_UNSEGMENTED.findall(sample)) > 0.2 * letters


def _fit(
    raw: Sequence[str], analyzer: str, ngrams: tuple[int, int], min_df: int, max_terms: int
) -> tuple[_Terms | None, list[str]]:
    import numpy as np

    if analyzer == "char":
        keys = np.unique(ngrams_of.packed_runs(raw)[0])
        if not len(keys):
            return None, ["no characters in the texts"]
        df = np.diff(ngrams_of.counts(raw, keys).tocsc().indptr)
        names = np.array(ngrams_of.unpacked(keys), dtype=object)
    else:
        try:
            counter = _counter(analyzer, ngrams)
            df = np.diff(counter.fit_transform(raw).tocsc().indptr)
        except ValueError:  # scikit-learn's "empty vocabulary"
            return None, [f"no {analyzer} n-grams in the texts"]
        names = counter.get_feature_names_out()
    notes = []
    keep = df >= min_df
    if not keep.any():
        notes.append(f"no {analyzer} n-gram occurs in {min_df} texts: all are kept")
        keep = df >= 1
    if keep.sum() > max_terms:
        notes.append(f"the {max_terms} commonest of {int(keep.sum())} {analyzer} n-grams are kept")
        rank = np.lexsort((np.arange(len(df)), -df))
        rank = rank[keep[rank]][:max_terms]
        keep = np.zeros(len(df), dtype=bool)
        keep[rank] = True
    idf = np.log((1 + len(raw)) / (1 + df[keep])) + 1
    return _Terms(analyzer, ngrams, tuple(names[keep].tolist()), torch.from_numpy(idf)), notes


def _counter(analyzer: str, ngrams: tuple[int, int], vocabulary: tuple[str, ...] | None = None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    index = None if vocabulary is None else {term: i for i, term in enumerate(vocabulary)}
    pattern = r"(?u)\b\w+\b" if analyzer == "word" else None
    return CountVectorizer(analyzer=analyzer, ngram_range=ngrams, vocabulary=index, token_pattern=pattern)


def _weigh(counts: Any, idf: Any) -> Any:
    import numpy as np

    x = counts.astype(np.float64)
    x.data = (np.log(x.data) + 1) * idf[x.indices]
    norm = np.sqrt(np.asarray(x.multiply(x).sum(axis=1)).ravel())
    norm[norm == 0] = 1
    x.data /= np.repeat(norm, np.diff(x.indptr))
    return x
