"""Clauses as a pandas DataFrame.

    >>> import policyclf
    >>> frame = policyclf.to_frame(policyclf.classify("We keep logs for 30 days. We never sell them."))
    >>> print(frame.explode("labels")[["labels", "text"]])
                               labels                       text
    0                  data_retention  We keep logs for 30 days.
    1  third_party_sharing_collection        We never sell them.

A column of sentences is labelled row by row, on its own index:
``df.join(policyclf.to_frame(policyclf.classify(df["sentence"]), index=df.index))``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from policyclf.errors import MissingExtraError
from policyclf.practices import Practice
from policyclf.results import Clause
from policyclf.script import Language
from policyclf.segmenting import SegmentKind

if TYPE_CHECKING:
    import pandas as pd


def to_frame(clauses: Iterable[Clause], /, *, index: object = None) -> pd.DataFrame:
    """A row for each clause, in their order; none gives the same columns without rows.

    ``text``: str; ``start``, ``end``: int64, characters of the input, end exclusive;
    ``kind``, ``language``: categories (of all kinds and languages, whether they occur
    or not); ``labels``, ``denied``: tuples of practices' ids (str), to ``explode`` or
    count; ``evidence``: lists of ``{"practice", "start", "end"}``; and for each practice
    ``score_<id>``: float64, its calibrated probability in [0, 1] (missing where the
    model does not know the practice). Parquet keeps all of it.

    `index` is the frame's index, one entry a clause: of the Series that was classified,
    for example. The default counts from 0.

    Raises TypeError for what is no clause, ValueError for an index of another length,
    MissingExtraError where pandas is not installed.
    """
    rows = _clauses(clauses)
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise MissingExtraError("a DataFrame of clauses", "pandas") from error
    labelled = pd.RangeIndex(len(rows)) if index is None else pd.Index(index)
    if len(labelled) != len(rows):
        raise ValueError(f"index has {len(labelled)} entries for {len(rows)} clauses")

    columns = {
        "text": pd.Series([c.text for c in rows], dtype="str"),
        "start": pd.Series([c.start for c in rows], dtype="int64"),
        "end": pd.Series([c.end for c in rows], dtype="int64"),
        "kind": pd.Categorical([c.kind for c in rows], categories=get_args(SegmentKind)),
        "language": pd.Categorical([c.language for c in rows], categories=get_args(Language)),
        "labels": pd.Series([_ids(c.labels) for c in rows], dtype="object"),
        "denied": pd.Series([_ids(c.denied) for c in rows], dtype="object"),
        "evidence": pd.Series([_evidence(c) for c in rows], dtype="object"),
    }
    for practice in Practice:
        scores = [c.scores.get(practice, float("nan")) for c in rows]
        columns[f"score_{practice.value}"] = pd.Series(scores, dtype="float64")
    return pd.DataFrame(columns).set_index(labelled)


def _clauses(given: object) -> list[Clause]:
    expected = "to_frame() takes clauses, as classify() gives them"
    if not isinstance(given, Iterable):
        raise TypeError(f"{expected}, not {type(given).__name__}")
    items = list(given)
    for i, item in enumerate(items):
        if not isinstance(item, Clause):
            raise TypeError(f"{expected}; item {i} is {type(item).__name__}")
    return items


def _ids(practices: Iterable[Practice]) -> tuple[str, ...]:
    return tuple(practice.value for practice in practices)


def _evidence(clause: Clause) -> list[dict[str, str | int]]:
    return [
        {"practice": practice.value, "start": span.start, "end": span.end}
        for practice, spans in clause.evidence.items()
        for span in spans
    ]
