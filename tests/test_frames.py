"""pandas and numpy, in and out: columns that are classified, clauses as a frame."""

from __future__ import annotations

import copy
import io
import pickle
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest

import policyclf
from policyclf import MissingExtraError, Practice, to_frame

POLICY = """# Privacy at Marram Boats

We collect your name when you hire a boat. We never sell it.

## 保存期間

予約の記録は一年間保存します。
"""
SENTENCES = ["We collect your name.", "第三者に提供しません。", "  "]
SCORES = [f"score_{practice.value}" for practice in Practice]


def test_a_frame_has_a_row_for_each_clause() -> None:
    clauses = policyclf.classify(POLICY)
    frame = to_frame(clauses)
    assert list(frame.columns) == [
        "text", "start", "end", "kind", "language", "labels", "denied", "evidence", *SCORES
    ]  # fmt: skip
    assert list(frame.index) == list(range(len(clauses))) == list(range(5))
    for clause, row in zip(clauses, frame.to_dict("records"), strict=True):
        assert POLICY[row["start"] : row["end"]] == row["text"] == clause.text
        assert (row["kind"], row["language"]) == (clause.kind, clause.language)
        assert row["labels"] == tuple(practice.value for practice in clause.labels)
        assert row["denied"] == tuple(practice.value for practice in clause.denied)
        assert {type(label) for label in row["labels"]} <= {str}
        assert [row[name] for name in SCORES] == [clause.scores[practice] for practice in Practice]
        assert row["evidence"] == [
            {"practice": practice.value, "start": span.start, "end": span.end}
            for practice, spans in clause.evidence.items()
            for span in spans
        ]


@pytest.mark.parametrize("clauses", [[], policyclf.classify("# Only a heading")])
def test_columns_are_the_same_whatever_the_rows(clauses: list[policyclf.Clause]) -> None:
    few, many = to_frame(clauses), to_frame(policyclf.classify(POLICY))
    assert few.dtypes.equals(many.dtypes)
    assert list(few["kind"].cat.categories) == ["sentence", "list_item", "heading"]
    assert list(few["language"].cat.categories) == ["en", "ja"]
    assert (few["start"].dtype, few["end"].dtype) == (np.int64, np.int64)
    assert {few[name].dtype for name in SCORES} == {np.dtype("float64")}


def test_the_frame_counts_explodes_and_survives_parquet() -> None:
    clauses = policyclf.classify(POLICY)
    frame = to_frame(clauses)
    counts = frame["labels"].explode().value_counts()
    assert counts.to_dict() == Counter(label.value for clause in clauses for label in clause.labels)
    assert frame["labels"].value_counts()[()] == 2  # tuples can be counted; the headings have none
    file = io.BytesIO()
    frame.to_parquet(file)
    again = pd.read_parquet(file)
    again["labels"], again["denied"] = again["labels"].map(tuple), again["denied"].map(tuple)
    pd.testing.assert_frame_equal(again.drop(columns="evidence"), frame.drop(columns="evidence"))
    assert [list(spans) for spans in again["evidence"]] == list(frame["evidence"])


def test_a_column_is_labelled_on_its_own_index() -> None:
    source = pd.DataFrame({"sentence": SENTENCES, "firm": ["x", "y", "z"]}, index=["a", "b", "c"])
    frame = to_frame(policyclf.classify(source["sentence"]), index=source.index)
    joined = source.join(frame)
    assert list(joined["text"]) == list(joined["sentence"]) == SENTENCES
    assert joined.loc["b", "denied"] == ("third_party_sharing_collection",)
    with pytest.raises(ValueError, match="index has 2 entries for 3 clauses"):
        to_frame(policyclf.classify(source["sentence"]), index=source.index[:2])


@pytest.mark.parametrize(
    "given",
    [
        pd.Series(SENTENCES, index=[7, 8, 9]),
        pd.Series(SENTENCES, dtype="object"),
        pd.Series(SENTENCES, dtype="string[python]"),
        pd.Series(SENTENCES, dtype="string[pyarrow]"),
        pd.Series(SENTENCES, dtype="category"),
        pd.Index(SENTENCES),
        np.array(SENTENCES),
        np.array(SENTENCES, dtype="object"),
        np.array(SENTENCES)[::-1][::-1],
    ],
    ids=lambda given: f"{type(given).__name__}-{given.dtype}",
)
def test_a_column_of_any_string_type_is_an_iterable_of_sentences(given: pd.Series) -> None:
    clauses = policyclf.classify(given)
    assert clauses == policyclf.classify(SENTENCES)
    assert {type(clause.text) for clause in clauses} == {str}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.Series(["a", None], dtype="str"), r"item 1 \(row 1\) is (float|NoneType), a missing value: drop"),
        (pd.Series(["a", np.nan], index=["x", "y"]), r"item 1 \(row y\) is float, a missing value"),
        (pd.Series(["a", None], dtype="object"), r"item 1 \(row 1\) is NoneType, a missing value"),
        (pd.Series(["a", None], dtype="string"), r"item 1 \(row 1\) is NAType, a missing value"),
        (pd.Series(["a", pd.NaT], dtype="object"), r"item 1 \(row 1\) is NaTType, a missing value"),
        (pd.Series(["a", 2.5], dtype="object"), r"item 1 \(row 1\) is float$"),
        (np.array(["a", np.nan], dtype="object"), r"item 1 is float, a missing value"),
        (pd.Series([1, 2]), r"item 0 \(row 0\) is int"),
        (pd.DataFrame({"sentence": ["a"]}), "not DataFrame of 2 dimensions; give it one column"),
        (np.array([["a"], ["b"]]), "not ndarray of 2 dimensions; give it one column"),
        (np.array("a"), "not ndarray of 0 dimensions"),
    ],
)
def test_what_is_no_column_of_sentences_is_refused_by_name(given: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        policyclf.classify(given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "name"),
    [(None, "not NoneType"), ("We do.", "item 0 is str"), ([{"text": "a"}], "item 0 is dict")],
)
def test_what_is_no_clause_is_refused(given: object, name: str) -> None:
    with pytest.raises(TypeError, match=f"to_frame.. takes clauses, as classify.. gives them.*{name}"):
        to_frame(given)  # type: ignore[arg-type]


def test_a_clause_can_be_pickled_and_copied_and_stays_frozen() -> None:
    for clause in policyclf.classify(POLICY):
        for twin in (pickle.loads(pickle.dumps(clause)), copy.deepcopy(clause)):
            assert twin == clause
            with pytest.raises(TypeError):
                twin.scores[Practice.DATA_RETENTION] = 1.0


def test_without_pandas_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r'a DataFrame of clauses needs.*"policyclf\[pandas\]"'):
        to_frame([])
