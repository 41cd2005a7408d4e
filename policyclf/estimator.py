"""The classifier as a scikit-learn estimator, for pipelines, searches and metrics.

    >>> from policyclf.estimator import PracticeClassifier
    >>> classifier = PracticeClassifier()
    >>> labels = classifier.predict(["We keep logs for 30 days.", "We never sell them."])
    >>> [classifier.classes_[row == 1].tolist() for row in labels]
    [['data_retention'], ['third_party_sharing_collection']]

It is multilabel, as scikit-learn's OneVsRestClassifier is on an indicator matrix: a
column for each practice of `classes_`. The model is trained already: `fit` checks what
it is given and learns nothing, so that `predict` needs no `fit` before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from policyclf.classifier import Classifier, load, sentences
from policyclf.errors import MissingExtraError
from policyclf.practices import Practice
from policyclf.results import Clause

try:
    import numpy as np
    from scipy.sparse import issparse
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_array
except ModuleNotFoundError as error:
    raise MissingExtraError("the scikit-learn estimator", "sklearn") from error

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PracticeClassifier"]


class PracticeClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn is untyped
    """Labels sentences by data practice; `model`, `thresholds` and `threads` as in `policyclf.load`.

    `X` is always one-dimensional, of n_sentences str: a list, an array, a pandas Series.
    `score` is scikit-learn's for indicator matrices, the share of sentences whose labels
    are all right; micro-F1, the model card's measure, is
    ``sklearn.metrics.f1_score(y, classifier.predict(X), average="micro")``.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        thresholds: str = "balanced",
        threads: int | None = None,
    ) -> None:
        self.model = model
        self.thresholds = thresholds
        self.threads = threads

    def predict(self, X: Iterable[str]) -> NDArray[np.int64]:
        """1 where a sentence states a practice, else 0; (n_sentences, n_labels)."""
        return self._indicator([clause.labels for clause in self._clauses(X)])

    def predict_denied(self, X: Iterable[str]) -> NDArray[np.int64]:
        """1 where a sentence says that a practice is not done, else 0; (n_sentences, n_labels)."""
        return self._indicator([clause.denied for clause in self._clauses(X)])

    def predict_proba(self, X: Iterable[str]) -> NDArray[np.float64]:
        """Calibrated probability in [0, 1] of each practice for itself; (n_sentences, n_labels).

        Practices do not exclude one another: rows do not sum to 1. A blank sentence has
        zeros.
        """
        clauses = self._clauses(X)
        result = np.zeros((len(clauses), len(self._practices)))
        for i, clause in enumerate(clauses):
            result[i] = [clause.scores[practice] for practice in self._practices]
        return result

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The practices' ids, one for each column of what is predicted; (n_labels,)."""
        return np.array([practice.value for practice in self._practices])

    def fit(self, X: Iterable[str], y: object = None) -> PracticeClassifier:
        """Check settings and data; nothing is learnt.

        `y`, where given, is the indicator matrix of what the sentences state, dense or
        sparse, (n_sentences, n_labels), columns as in `classes_`: scikit-learn's
        searches and metrics hold `predict` against it. Raises TypeError where `X` is
        not sentences, ValueError where `y` is no such matrix or a setting is wrong,
        ModelError where the model cannot be loaded.
        """
        n_sentences, n_labels = len(self._checked(X)), len(self._practices)
        if y is not None:
            matrix = check_array(y, accept_sparse=True, ensure_min_samples=0, input_name="y")
            values = matrix.data if issparse(matrix) else matrix
            if matrix.shape != (n_sentences, n_labels) or not np.isin(values, (0, 1)).all():
                raise ValueError(
                    f"y must be an indicator matrix, 0 or 1, of shape {(n_sentences, n_labels)}, its columns "
                    f"as in classes_; it has shape {matrix.shape} "
                    "(sklearn.preprocessing.MultiLabelBinarizer(classes=classifier.classes_) makes one)"
                )
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.target_tags.required = tags.target_tags.single_output = False
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        tags.requires_fit = False
        return tags

    @property
    def _classifier(self) -> Classifier:
        # Read anew for each call, from load's cache: what set_params sets is in force.
        return load(self.model, thresholds=self.thresholds, threads=self.threads)

    @property
    def _practices(self) -> tuple[Practice, ...]:
        return self._classifier.config.labels

    def _clauses(self, X: object) -> list[Clause]:
        return self._classifier.classify(self._checked(X))

    def _indicator(self, practices: Sequence[Sequence[Practice]]) -> NDArray[np.int64]:
        column = {practice: j for j, practice in enumerate(self._practices)}
        result = np.zeros((len(practices), len(column)), dtype=np.int64)
        for i, row in enumerate(practices):
            result[i, [column[practice] for practice in row]] = 1
        return result

    def _checked(self, X: object) -> list[str]:
        if isinstance(X, str):
            raise TypeError("X must be several sentences, (n_sentences,), not one str; give a list")
        return sentences(X, "X must be")
