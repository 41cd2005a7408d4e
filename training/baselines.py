"""What the model is held against: the majority class, and TF-IDF with logistic regression.

All baselines, those of training.baselines_neural too, are trained on one language of the
same corpus and splits. Each is fitted once on the segment alone and once with heading
and lead-in given to it too. What can be chosen (regularisation, when to stop, threshold
and floor of the decisions) is chosen on the validation split, in the way in which the
model's own thresholds are. Needs the `train` and `words` extras.
"""

from __future__ import annotations

import functools
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion

from training.calibration import CANDIDATES, FLOORS, UNLABELLED_WEIGHT, decided, f_beta

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Example:
    """A segment (no heading) as a baseline sees it; `heading` and `lead_in` are "" for none."""

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


# Probabilities of every label, (n_examples, n_labels).
Probabilities = Callable[[Sequence[Example]], np.ndarray]


@dataclass(frozen=True)
class Rule:
    """A threshold for all labels and a floor under the decisions, see training.calibration."""

    threshold: float
    floor: float
    score: float  # micro-F1 on what it was chosen on

    @classmethod
    def best(cls, p: np.ndarray, truth: np.ndarray) -> Rule:
        """The best for probabilities and truth, (n_examples, n_labels) each.

        Unlabelled examples count as little as when the model's thresholds are chosen.
        """
        weights = np.where(truth.any(axis=1), 1.0, UNLABELLED_WEIGHT)
        rules = (
            cls(float(threshold), floor, f_beta(decided(p, [threshold] * p.shape[1], floor), truth, weights))
            for threshold, floor in itertools.product(CANDIDATES, FLOORS)
        )
        return max(rules, key=lambda rule: rule.score)


class Baseline(ABC):
    """A classifier of segments that is fitted on examples."""

    def __init__(self, name: str, *, context: bool) -> None:
        self.context = context
        self.name = name + (", heading and lead-in given" if context else "")
        self.rule: Rule | None = None
        self._probabilities: Probabilities

    @abstractmethod
    def candidates(
        self, train: Sequence[Example], validation: Sequence[Example], labels: int
    ) -> Iterator[Probabilities]:
        """Fitted classifiers to choose from on `validation`.

        What is yielded must stay usable when the next is asked for.
        """

    def fit(self, train: Sequence[Example], validation: Sequence[Example], labels: int) -> Self:
        """Fit on `train`; of the candidates and rules keep the best on `validation`."""
        truth = matrix(validation, labels)
        for probabilities in self.candidates(train, validation, labels):
            rule = Rule.best(probabilities(validation), truth)
            if self.rule is None or rule.score > self.rule.score:
                self.rule, self._probabilities = rule, probabilities
        return self

    def probabilities(self, given: Sequence[Example]) -> np.ndarray:
        """Of every label, (n_examples, n_labels); RuntimeError where `fit` was not called."""
        if self.rule is None:
            raise RuntimeError("the baseline is not fitted")
        return self._probabilities(given)

    def predict(self, given: Sequence[Example]) -> list[set[int]]:
        """Labels of each example; RuntimeError where `fit` was not called."""
        if self.rule is None:
            raise RuntimeError("the baseline is not fitted")
        if not given:
            return []
        p = self.probabilities(given)
        chosen = decided(p, [self.rule.threshold] * p.shape[1], self.rule.floor)
        return [set(np.flatnonzero(row).tolist()) for row in chosen]


def matrix(given: Sequence[Example], labels: int) -> np.ndarray:
    """Labels of 0 and 1, (n_examples, n_labels)."""
    y = np.zeros((len(given), labels), dtype=int)
    for row, example in zip(y, given, strict=True):
        row[list(example.labels)] = 1
    return y


def fields(context: bool) -> list[Callable[[Example], str]]:
    """What is read of an example: the text, or also heading and lead-in."""
    alone: list[Callable[[Example], str]] = [lambda e: e.text]
    return [*alone, lambda e: e.heading, lambda e: e.lead_in] if context else alone


class Majority(Baseline):
    """Always the label that most training examples have."""

    def __init__(self) -> None:
        super().__init__("majority class", context=False)

    def candidates(
        self, train: Sequence[Example], validation: Sequence[Example], labels: int
    ) -> Iterator[Probabilities]:
        """The one there is."""
        most = np.zeros(labels)
        most[matrix(train, labels).sum(axis=0).argmax()] = 1
        yield lambda given: np.tile(most, (len(given), 1))


class TfIdf(Baseline):
    """One-vs-rest logistic regression over TF-IDF of words and pairs of words, or of characters."""

    def __init__(self, language: str, *, context: bool, characters: bool = False) -> None:
        unit = "characters" if characters else "words"
        super().__init__(f"TF-IDF of {unit} + logistic regression", context=context)
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

        self._features = FeatureUnion([(str(i), vectorizer(f)) for i, f in enumerate(fields(context))])

    def candidates(
        self, train: Sequence[Example], validation: Sequence[Example], labels: int
    ) -> Iterator[Probabilities]:
        """Regressions of several strengths."""
        x, y = self._features.fit_transform(train), matrix(train, labels)
        for strength in (1.0, 3.0, 10.0, 30.0, 100.0):
            regression = OneVsRestClassifier(LogisticRegression(C=strength, solver="liblinear")).fit(x, y)

            def probabilities(
                given: Sequence[Example], regression: OneVsRestClassifier = regression
            ) -> np.ndarray:
                return np.asarray(regression.predict_proba(self._features.transform(given)))

            yield probabilities


@functools.cache
def _tagger() -> Callable[[str], str]:
    import fugashi

    parse: Callable[[str], str] = fugashi.Tagger("-Owakati").parse
    return parse


def english_words(text: str) -> list[str]:
    """Lower-case words and numbers."""
    return _WORD.findall(text.lower())


def japanese_words(text: str, *, punctuation: bool = False) -> list[str]:
    """Short-unit words by MeCab with UniDic, in lower case; punctuation where it is wanted."""
    return [w for w in _tagger()(text.lower()).split() if punctuation or _WORD.search(w)]
