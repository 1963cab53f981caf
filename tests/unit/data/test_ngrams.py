"""Counting runs of characters gives what scikit-learn's analyser gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from longtail.kinds.text.ngrams import counts, packed, packed_runs, unpacked

ODD = ["Ab ab", "", "a  b\t\n\u3000c", "İSTANBUL ß", "😀x\U0010ffff", "好", "好吃好吃", "x"]


@pytest.mark.parametrize("texts", [ODD, ["ab"], ["a", "b"], [t * 50 for t in ODD]])
def test_equals_scikit_learn(texts) -> None:
    reference = CountVectorizer(analyzer="char", ngram_range=(1, 3))
    want = reference.fit_transform(texts)
    keys = np.unique(packed_runs(texts)[0])
    assert unpacked(keys) == reference.get_feature_names_out().tolist()
    assert packed(unpacked(keys)).tolist() == keys.tolist()
    assert abs(counts(texts, keys) - want).max() == 0


def test_unknown_runs_are_passed_over() -> None:
    assert counts(["abc", "", "zz"], packed(["a", "ab"])).toarray().tolist() == [[1, 1], [0, 0], [0, 0]]


def test_no_text_at_all() -> None:
    assert len(packed_runs(["", ""])[0]) == 0
