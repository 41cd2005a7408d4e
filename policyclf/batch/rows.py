"""The rows that a batch writes: of clauses, or of documents.

A clause's row is `Clause.to_dict()` with the document's id and the clause's place in it
put before; a document's row sums its clauses up; a document that failed has one row,
of either kind, that says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from policyclf.practices import Practice
from policyclf.results import Clause

__all__ = ["CLAUSE", "DOCUMENT", "Row", "RowKind", "clause_rows", "document_row", "error_row", "line"]

RowKind = Literal["clauses", "documents"]
Row = dict[str, Any]

# A clause's fields, in order. `clause` counts from 0 within the document; start and end
# are characters of its text; `error` is why it could not be labelled, all else is then null.
CLAUSE = (
    "document",
    "clause",
    "text",
    "start",
    "end",
    "kind",
    "language",
    "furniture",
    "labels",
    "denied",
    "scores",
    "evidence",
    "error",
)
# A document's fields. `languages` come by how much is written in them; `practices` are those
# that a clause states to be done, `denied` those that a clause denies (one may be both); the
# counts are of such clauses.
DOCUMENT = (
    "document",
    "characters",
    "clauses",
    "languages",
    "practices",
    "denied",
    "counts",
    "denied_counts",
    "error",
)


def clause_rows(document: str, clauses: Sequence[Clause]) -> Iterator[Row]:
    """One row for each clause; none for a document without clauses."""
    for i, clause in enumerate(clauses):
        yield {"document": document, "clause": i, **clause.to_dict(), "error": None}


def document_row(document: str, characters: int, clauses: Sequence[Clause]) -> Row:
    """The row of a document that is `characters` long; counts are of clauses."""
    counts = {practice.value: 0 for practice in Practice}
    denied = dict(counts)
    languages: dict[str, int] = {}
    for clause in clauses:
        languages[clause.language] = languages.get(clause.language, 0) + len(clause.text)
        for practice in clause.labels:
            (denied if practice in clause.denied else counts)[practice.value] += 1
    return {
        "document": document,
        "characters": characters,
        "clauses": len(clauses),
        "languages": sorted(languages, key=lambda name: (-languages[name], name)),
        "practices": [name for name, n in counts.items() if n],
        "denied": [name for name, n in denied.items() if n],
        "counts": counts,
        "denied_counts": denied,
        "error": None,
    }


def error_row(document: str, message: str, kind: RowKind) -> Row:
    """The row of a document that could not be read or labelled."""
    fields = CLAUSE if kind == "clauses" else DOCUMENT
    return {**dict.fromkeys(fields), "document": document, "error": message}


def line(row: Row) -> bytes:
    """The row as a line of JSON in UTF-8; half a surrogate pair, which UTF-8 lacks, as its JSON escape."""
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return (text + "\n").encode("utf-8", "backslashreplace")
