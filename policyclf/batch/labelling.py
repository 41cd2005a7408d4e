"""From documents to rows: what every worker does, on one machine or on many."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from policyclf.batch.documents import Document
from policyclf.batch.formats import Format, encoded
from policyclf.batch.rows import Row, RowKind, clause_rows, document_row, error_row
from policyclf.classifier import Classifier, shipped_model
from policyclf.errors import PolicyclfError
from policyclf.reading import read
from policyclf.results import Clause

__all__ = ["Labeller", "Labelling", "Result", "batch_classifier", "failed", "rows_of", "together"]

# What the network said of the last windows, in each process: about 1,300 windows.
REMEMBERED = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Labelling:
    """How documents become rows; small, and the same on every machine."""

    model: str | None = None  # a model folder; None is the shipped one
    thresholds: str = "balanced"
    rows: RowKind = "clauses"
    sentences: bool = False  # each text is one sentence, read by itself
    form: Format = "jsonl"  # of the rows


@dataclass(frozen=True, slots=True)
class Result:
    """What came of some consecutive documents: `data` are their rows, encoded for the output."""

    documents: int
    rows: int
    clauses: int
    size: int  # bytes of the sources
    errors: tuple[tuple[int, str], ...]  # number and id of the documents that failed
    data: bytes


def together(results: Sequence[Result]) -> Result:
    """Several results, in order, as one."""
    return Result(
        documents=sum(r.documents for r in results),
        rows=sum(r.rows for r in results),
        clauses=sum(r.clauses for r in results),
        size=sum(r.size for r in results),
        errors=tuple(error for r in results for error in r.errors),
        data=b"".join(r.data for r in results),
    )


@functools.lru_cache(maxsize=4)
def batch_classifier(model: str | None, thresholds: str) -> Classifier:
    """A classifier for one worker among many: one thread, and a memory of recent windows."""
    from policyclf.model import Model

    folder = shipped_model() if model is None else Path(model)
    return Classifier(Model(folder, 1, remember=REMEMBERED), thresholds)


class Labeller:
    """Labels documents with a classifier that is loaded once; a failure is a row."""

    def __init__(self, labelling: Labelling, classifier: Classifier | None = None) -> None:
        """Load the model; ModelError where that fails. `classifier` is for those who have one."""
        self._labelling = labelling
        self._classifier = classifier or batch_classifier(labelling.model, labelling.thresholds)

    def __call__(self, documents: Iterable[Document]) -> Result:
        """The rows of all of `documents`, in their order."""
        found: list[Row] = []
        errors: list[tuple[int, str]] = []
        count = clauses = size = 0
        for document in documents:
            rows, its_clauses, failed = rows_of(self._classifier, document, self._labelling)
            found += rows
            count += 1
            clauses += its_clauses
            size += document.size
            if failed:
                errors.append((document.number, document.id))
        data = encoded(found, self._labelling.form, self._labelling.rows)
        return Result(count, len(found), clauses, size, tuple(errors), data)


def rows_of(classifier: Classifier, document: Document, labelling: Labelling) -> tuple[list[Row], int, bool]:
    """A document's rows, the number of its clauses, and whether it failed, which is a row too."""
    if document.error is not None:
        return [error_row(document.id, document.error, labelling.rows)], 0, True
    try:
        source = read(document.path) if document.path is not None else document.text or ""
        text = source if isinstance(source, str) else source.text
        clauses: list[Clause] = classifier.classify([text] if labelling.sentences else source)
        if labelling.rows == "documents":
            return [document_row(document.id, len(text), clauses)], len(clauses), False
        return list(clause_rows(document.id, clauses)), len(clauses), False
    except Exception as error:
        # Whatever one document does, the rest of the collection is labelled.
        return [error_row(document.id, _message(error), labelling.rows)], 0, True


def failed(document: Document, message: str, labelling: Labelling) -> Result:
    """The result of a document that could not be labelled, and of which the worker cannot tell."""
    row = error_row(document.id, message, labelling.rows)
    data = encoded([row], labelling.form, labelling.rows)
    return Result(1, 1, 0, document.size, ((document.number, document.id),), data)


def _message(error: Exception) -> str:
    return str(error) if isinstance(error, PolicyclfError) else f"{type(error).__name__}: {error}"
