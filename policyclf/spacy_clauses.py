"""Clauses on a spaCy Doc: ``doc._.policyclf`` and ``span._.policyclf``.

spaCy serialises a Doc's user data as msgpack, so that clauses are kept there as plain
rows. Their keys have the form under which spaCy moves them along where it joins Docs
(``Doc.from_docs``) or cuts a Span out as a Doc (``Span.as_doc``); what stands in a row
counts characters from its clause's start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, cast

import spacy.tokens
from spacy.tokens import Doc

from policyclf.practices import Practice
from policyclf.results import Clause, Span

__all__ = ["clear", "keep", "span_id"]

EXTENSION = "policyclf"

_Key = tuple[str, str, int, int]
_Row = Mapping[str, Any]


def keep(doc: Doc, clause: Clause) -> None:
    """Put `clause` among those of `doc`."""
    _user_data(doc)[_key(clause.start, clause.end)] = {
        "text": clause.text,
        "kind": clause.kind,
        "language": clause.language,
        "labels": [practice.value for practice in clause.labels],
        "denied": [practice.value for practice in clause.denied],
        "scores": {practice.value: score for practice, score in clause.scores.items()},
        "evidence": {
            practice.value: [[span.start - clause.start, span.end - clause.start] for span in spans]
            for practice, spans in clause.evidence.items()
        },
    }


def clear(doc: Doc) -> None:
    """Take all clauses off `doc`."""
    for key in [key for key, _ in _rows(doc)]:
        del _user_data(doc)[key]


def span_id(clause: Clause, aligned: spacy.tokens.Span) -> str:
    """The id of the span that stands for `clause`: "" where it is exactly the clause.

    Else it says where the clause begins and ends, in characters from the span's start,
    since clauses that share a token may share their span.
    """
    if (clause.start, clause.end) == (aligned.start_char, aligned.end_char):
        return ""
    return f"{EXTENSION}:{clause.start - aligned.start_char}:{clause.end - aligned.start_char}"


def clauses_of(doc: Doc) -> list[Clause]:
    """``doc._.policyclf``: the clauses in reading order; [] where the component did not run."""
    length = len(doc.text)
    # A Doc that was cut out of another one has the rows of all of it.
    inside = [(key[2], key[3], row) for key, row in _rows(doc) if key[2] >= 0 and key[3] <= length]
    return [_clause(*each) for each in sorted(inside, key=lambda each: each[0])]


def clause_of(span: spacy.tokens.Span) -> Clause | None:
    """``span._.policyclf``: the clause that shares most characters with `span`, or None."""
    first, last = span.start_char, span.end_char
    if span.id_.startswith(f"{EXTENSION}:"):
        start, end = map(int, span.id_.split(":")[1:])
        first, last = first + start, first + end
    row = _user_data(span.doc).get(_key(first, last))
    if row is not None:
        return _clause(first, last, row)
    shared = [
        (min(key[3], last) - max(key[2], first), -key[2], key[3], other) for key, other in _rows(span.doc)
    ]
    if not shared:
        return None
    most, minus_start, end, row = max(shared, key=lambda each: each[:2])  # the first one of equals
    return _clause(-minus_start, end, row) if most > 0 else None


def _user_data(doc: Doc) -> dict[Any, Any]:
    return cast("dict[Any, Any]", doc.user_data)  # spaCy's annotation knows only str keys


def _key(start: int, end: int) -> _Key:
    return ("._.", EXTENSION, start, end)


def _rows(doc: Doc) -> Iterator[tuple[_Key, _Row]]:
    for key, row in _user_data(doc).items():
        if isinstance(key, tuple) and len(key) == 4 and key[:2] == ("._.", EXTENSION):
            yield key, row


def _clause(start: int, end: int, row: _Row) -> Clause:
    return Clause(
        text=row["text"],
        start=start,
        end=end,
        kind=row["kind"],
        language=row["language"],
        labels=tuple(Practice(label) for label in row["labels"]),
        denied=tuple(Practice(label) for label in row["denied"]),
        scores=MappingProxyType({Practice(label): score for label, score in row["scores"].items()}),
        evidence=MappingProxyType(
            {
                Practice(label): tuple(Span(start + first, start + last) for first, last in spans)
                for label, spans in row["evidence"].items()
            }
        ),
    )


Doc.set_extension(EXTENSION, getter=clauses_of, force=True)
spacy.tokens.Span.set_extension(EXTENSION, getter=clause_of, force=True)
