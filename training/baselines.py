"""What the model is held against: TF-IDF with logistic regression, and the majority class.

Trained on the same corpus and splits; words by fugashi in Japanese. Each is fitted once
on the segment alone and once with heading and lead-in given to it too, as features of
their own. Needs the `train` and `words` extras.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion

from training.calibration import CANDIDATES, FLOORS, UNLABELLED_WEIGHT, decided, f_beta

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Example:
    """A segment (no heading) as a baseline sees it."""

    text: str
    heading: str
    lead_in: str
    labels: tuple[int, ...]


def examples(
    kinds: Sequence[str],
    texts: Sequence[str],
    lead_ins: Sequence[int | None],
    labels: Sequence[Sequence[int]],
) -> list[Example]:
    """A document's segments but headings, each with its nearest heading and its lead-in."""
    heading = ""
    found = []
    for kind, text, lead_in, mine in zip(kinds, texts, lead_ins, labels, strict=True):
        if kind == "heading":
            heading = text
            continue
        found.append(Example(text, heading, "" if lead_in is None else texts[lead_in], tuple(mine)))
    return found


@functools.cache
def _tagger() -> Callable[[str], str]:
    import fugashi

    parse: Callable[[str], str] = fugashi.Tagger("-Owakati").parse
    return parse


def english_words(text: str) -> list[str]:
    """Lower-case words and numbers."""
    return _WORD.findall(text.lower())


def japanese_words(text: str) -> list[str]:
    """Short-unit words by MeCab with UniDic; punctuation left out."""
    return [w for w in _tagger()(text.lower()).split() if _WORD.search(w)]


class Baseline:
    """One-vs-rest logistic regression over TF-IDF of words and pairs of words, one language."""

    def __init__(self, language: str, *, context: bool, characters: bool = False) -> None:
        self.context = context
        self.name = f"TF-IDF of {'characters' if characters else 'words'} + logistic regression" + (
            ", heading and lead-in given" if context else ""
        )
        words = japanese_words if language == "ja" else english_words

        def vectorizer(field: Callable[[Example], str]) -> TfidfVectorizer:
            if characters:
                return TfidfVectorizer(
                    preprocessor=lambda e: field(e).lower(), analyzer="char",
                    ngram_range=(1, 4), sublinear_tf=True, min_df=2,
                )  # fmt: skip
            return TfidfVectorizer(
                tokenizer=lambda e: words(field(e)), preprocessor=lambda e: e, token_pattern=None,
                lowercase=False, ngram_range=(1, 2), sublinear_tf=True, min_df=1,
            )  # fmt: skip

        fields: list[tuple[str, TfidfVectorizer]] = [("text", vectorizer(lambda e: e.text))]
        if context:
            fields.append(("heading", vectorizer(lambda e: e.heading)))
            fields.append(("lead_in", vectorizer(lambda e: e.lead_in)))
        self._features = FeatureUnion(fields)
        self._regression: OneVsRestClassifier
        self._threshold = 0.5
        self._floor = 1.0

    def fit(self, train: Sequence[Example], validation: Sequence[Example], labels: int) -> Baseline:
        """Fit on `train`; regularisation, threshold and floor are the best on `validation`.

        Unlabelled segments count there as little as when the model's thresholds are chosen.
        """
        x, y = self._features.fit_transform(train), _matrix(train, labels)
        xv, yv = self._features.transform(validation), _matrix(validation, labels)
        weights = np.where(yv.any(axis=1), 1.0, UNLABELLED_WEIGHT)
        best = -1.0
        for strength in (1.0, 3.0, 10.0, 30.0, 100.0):
            regression = OneVsRestClassifier(
                LogisticRegression(C=strength, solver="liblinear", class_weight=None)
            ).fit(x, y)
            p = np.asarray(regression.predict_proba(xv))
            for threshold, floor in itertools.product(CANDIDATES, FLOORS):
                score = f_beta(decided(p, [threshold] * labels, floor), yv, weights)
                if score > best:
                    best, self._regression = score, regression
                    self._threshold, self._floor = float(threshold), floor
        return self

    def predict(self, given: Sequence[Example]) -> list[set[int]]:
        """Labels of each example."""
        p = np.asarray(self._regression.predict_proba(self._features.transform(given)))
        chosen = decided(p, [self._threshold] * p.shape[1], self._floor)
        return [set(np.flatnonzero(row).tolist()) for row in chosen]


def _matrix(given: Sequence[Example], labels: int) -> np.ndarray:
    y = np.zeros((len(given), labels), dtype=int)
    for row, example in zip(y, given, strict=True):
        row[list(example.labels)] = 1
    return y
