"""The scikit-learn estimator: what it predicts, and scikit-learn's own checks of it."""

from __future__ import annotations

import importlib
import pickle
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.exceptions import SkipTestWarning
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MultiLabelBinarizer
from sklearn.utils import check_array
from sklearn.utils.estimator_checks import check_estimator

import policyclf
from policyclf import MissingExtraError, Practice
from policyclf.estimator import PracticeClassifier

SENTENCES = [
    "We collect your name.", "We never sell your data to anyone.", "Records are kept for one year.",
    "お名前を取得します。", "第三者に提供しません。", "暗号化して保管します。", "",
]  # fmt: skip


def test_a_row_is_what_classify_says_of_the_sentence() -> None:
    classifier = PracticeClassifier()
    labels, denied = classifier.predict(SENTENCES), classifier.predict_denied(SENTENCES)
    scores = classifier.predict_proba(SENTENCES)
    assert labels.shape == denied.shape == scores.shape == (7, 12)
    assert (labels.dtype, denied.dtype, scores.dtype) == (np.int64, np.int64, np.float64)
    assert classifier.classes_.tolist() == [practice.value for practice in Practice]
    for i, clause in enumerate(policyclf.classify(SENTENCES)):
        assert set(classifier.classes_[labels[i] == 1]) == set(clause.labels)
        assert set(classifier.classes_[denied[i] == 1]) == set(clause.denied)
        assert scores[i].tolist() == [clause.scores[practice] for practice in Practice]
    assert labels[:6].any(axis=1).all()
    assert denied.any(axis=1).tolist() == [False, True, False, False, True, False, False]
    assert not scores[6].any()


@pytest.mark.parametrize("column", [[], np.array([], dtype=str), pd.Series([], dtype="str")])
def test_no_sentence_gives_no_row(column: Any) -> None:
    classifier = PracticeClassifier()
    for predict in (classifier.predict, classifier.predict_denied, classifier.predict_proba):
        assert predict(column).shape == (0, 12)


def test_columns_of_every_kind_give_the_same() -> None:
    classifier = PracticeClassifier()
    expected = classifier.predict(SENTENCES)
    for column in (tuple(SENTENCES), np.array(SENTENCES), pd.Series(SENTENCES, index=range(7, 0, -1))):
        assert (classifier.predict(column) == expected).all()


def test_thresholds_are_those_of_load() -> None:
    text = ["You may write to us about it, or change it yourself, in your account."]
    given = {name: PracticeClassifier(thresholds=name) for name in ("balanced", "precision", "recall")}
    for name, classifier in given.items():
        (clause,) = policyclf.load(thresholds=name).classify(text)
        assert set(classifier.classes_[classifier.predict(text)[0] == 1]) == set(clause.labels)
    assert given["precision"].predict(text).sum() <= given["recall"].predict(text).sum()
    changed = PracticeClassifier().set_params(thresholds="recall")
    assert (changed.predict(SENTENCES) == given["recall"].predict(SENTENCES)).all()


def test_fit_learns_nothing_and_returns_the_estimator() -> None:
    classifier = PracticeClassifier(threads=1)
    before = vars(classifier).copy()
    y = classifier.predict(SENTENCES)
    for target in (None, y, y.tolist(), y.astype(bool), csr_array(y), pd.DataFrame(y)):
        assert classifier.fit(SENTENCES, target) is classifier
    assert vars(classifier) == before


@pytest.mark.parametrize(
    "y",
    [
        np.zeros((6, 12)), np.zeros((7, 11)), np.full((7, 12), 2), csr_array(np.full((7, 12), 2)),
        np.full((7, 12), 0.5), np.zeros(7),
    ],
    ids=["rows", "columns", "values", "sparse values", "probabilities", "one dimension"],
)  # fmt: skip
def test_fit_refuses_a_target_that_is_no_indicator_matrix(y: Any) -> None:
    with pytest.raises(ValueError, match=r"y must be an indicator matrix|Expected 2D array"):
        PracticeClassifier().fit(SENTENCES, y)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("We collect it.", "must be several sentences, .*, not one str"),
        (None, "X must be an iterable of str .*, not NoneType"),
        (["a", None], "item 1 is NoneType, a missing value"),
        (pd.Series(["a", np.nan], index=["p", "q"]), r"item 1 \(row q\) is float, a missing value"),
        (pd.DataFrame({"text": ["a"]}), "of 2 dimensions; give it one column"),
        (np.zeros((2, 3)), "of 2 dimensions"),
        ([1.0, 2.0], "item 0 is float$"),
    ],
)
def test_what_is_no_column_of_sentences_is_refused(X: Any, message: str) -> None:
    classifier = PracticeClassifier()
    for method in (classifier.fit, classifier.predict, classifier.predict_proba, classifier.predict_denied):
        with pytest.raises(TypeError, match=message):
            method(X)


def test_settings_are_checked_by_fit_and_not_before() -> None:
    wrong = PracticeClassifier(thresholds="nonsense")
    with pytest.raises(ValueError, match="thresholds must be one of balanced, precision, recall"):
        wrong.fit(SENTENCES)
    with pytest.raises(policyclf.ModelError, match="no model folder at"):
        PracticeClassifier(model="absent").fit(SENTENCES)


def test_it_is_cloned_shown_and_pickled_by_its_parameters() -> None:
    classifier = PracticeClassifier(thresholds="recall", threads=1).fit(SENTENCES)
    assert is_classifier(classifier)
    assert classifier.get_params() == {"model": None, "thresholds": "recall", "threads": 1}
    assert repr(classifier) == "PracticeClassifier(threads=1, thresholds='recall')"
    expected = classifier.predict(SENTENCES)
    pickled = pickle.dumps(classifier)
    assert len(pickled) < 1000
    for twin in (clone(classifier), pickle.loads(pickled)):
        assert twin.get_params() == classifier.get_params()
        assert (twin.predict(SENTENCES) == expected).all()


def test_it_ends_a_pipeline() -> None:
    strip = FunctionTransformer(lambda column: [text.strip("*") for text in column])
    pipeline = make_pipeline(strip, PracticeClassifier())
    marked = [f"**{text}**" for text in SENTENCES]
    expected = PracticeClassifier().predict(SENTENCES)
    assert (pipeline.predict(marked) == expected).all()
    assert (pipeline.fit(marked, expected).predict(marked) == expected).all()
    assert pipeline.score(marked, expected) == 1.0
    assert pipeline.classes_.tolist() == [practice.value for practice in Practice]


def test_searches_and_metrics_take_it() -> None:
    classifier = PracticeClassifier()
    binarizer = MultiLabelBinarizer(classes=classifier.classes_)
    y = binarizer.fit_transform([c.labels for c in policyclf.load(thresholds="recall").classify(SENTENCES)])
    search = GridSearchCV(
        classifier, {"thresholds": ["balanced", "precision", "recall"]}, scoring="f1_micro", cv=2
    ).fit(np.array(SENTENCES), y)
    assert search.cv_results_["mean_test_score"][2] == 1.0
    assert f1_score(y, search.predict(SENTENCES), average="micro") == search.score(SENTENCES, y)
    assert (cross_val_predict(classifier, SENTENCES, y, cv=3) == classifier.predict(SENTENCES)).all()


class Numbers(PracticeClassifier):
    """Writes a row of numbers out as a sentence, and takes each class for one practice.

    scikit-learn's checks know only numbers; of an estimator of str they check no more
    than that it can be cloned. So they reach its fit and predict.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        return tags

    def _checked(self, X: Any) -> list[str]:
        rows = check_array(X).astype(float)
        return [f"We collect {row[0]:.4} names and keep them for {row[-1]:.4} days." for row in rows]

    def fit(self, X: Any, y: Any = None) -> Numbers:
        super().fit(X, None if y is None else self._widened(y))
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        return float(super().score(X, self._widened(y), sample_weight))

    def _widened(self, y: Any) -> Any:
        y = check_array(y, ensure_2d=False, dtype=None, input_name="y")
        if y.ndim == 2 and y.shape[1] > 1:
            return np.pad(y, ((0, 0), (0, 12 - y.shape[1])))
        _, classes = np.unique(y, return_inverse=True)
        return np.eye(12, dtype=int)[classes.ravel() % 12]


LEARNS = "expects the classes of y to be learnt; the model's twelve practices are fixed"
NO_FEATURES = "counts the columns of X; a sentence has none"
EXPECTED_FAILURES = {
    "check_classifier_multioutput": LEARNS,
    "check_classifier_not_supporting_multiclass": LEARNS,
    "check_classifiers_classes": LEARNS,
    "check_classifiers_multilabel_output_format_predict": LEARNS,
    "check_classifiers_multilabel_output_format_predict_proba": LEARNS,
    "check_classifiers_one_label": LEARNS,
    "check_classifiers_regression_target": LEARNS,
    "check_classifiers_train": LEARNS,
    "check_n_features_in": NO_FEATURES,
    "check_n_features_in_after_fitting": NO_FEATURES,
}


def test_scikit_learns_checks_of_an_estimator_of_text() -> None:
    with pytest.warns(SkipTestWarning, match="Can't test estimator PracticeClassifier which requires input"):
        (result,) = check_estimator(PracticeClassifier())
    assert (result["check_name"], result["status"]) == ("check_estimator_cloneable", "passed")


def test_scikit_learns_checks_of_an_estimator_of_numbers() -> None:
    results = check_estimator(
        Numbers(threads=1), expected_failed_checks=EXPECTED_FAILURES, on_fail=None, on_skip=None
    )
    by_status: dict[str, set[str]] = {}
    for result in results:
        by_status.setdefault(result["status"], set()).add(result["check_name"])
    assert by_status.get("failed", set()) == set()
    assert by_status["xfail"] == set(EXPECTED_FAILURES)  # no failure is expected for longer than it is there
    assert len(by_status["passed"]) >= 40


def test_without_scikit_learn_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "policyclf.estimator")
    with pytest.raises(MissingExtraError, match=r'"policyclf\[sklearn\]"'):
        importlib.import_module("policyclf.estimator")
