"""A batch of documents in, a batch of rows out: for Ray Data, Spark, Dask and their like.

    >>> import pandas as pd
    >>> from policyclf.batch import LabelDocuments
    >>> frame = pd.DataFrame({"id": ["a"], "text": ["We keep logs. We never sell them."]})
    >>> LabelDocuments(id_column="id")(frame)[["document", "clause", "text"]].values.tolist()
    [['a', 0, 'We keep logs.'], ['a', 1, 'We never sell them.']]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from policyclf.batch import formats
from policyclf.batch.documents import Document
from policyclf.batch.labelling import Labelling, batch_classifier, rows_of
from policyclf.batch.tables import Column, row_of

__all__ = ["LabelDocuments"]


@dataclass(frozen=True, slots=True)
class LabelDocuments:
    """Labels batches of a table: pandas DataFrames, pyarrow Tables or RecordBatches, dicts of columns.

        dataset.map_batches(LabelDocuments(), batch_format="pyarrow")                  # Ray Data
        frame.mapInArrow(label.each, from_arrow_schema(label.schema))                  # Spark
        frame.map_partitions(label, meta=label(frame.head(0)))                         # Dask

    What is called with a batch returns the same kind of thing, with the columns that
    `policyclf batch` writes to Parquet (`schema`): a row a clause, or a row a document,
    in the documents' order, and a row with an error for each document that fails. It
    holds names only, so that it can be pickled; a process loads the model once, at its
    first batch. Needs the extra `batch`.

    `column` is where the texts are, `id_column` what names the documents; without one
    they are numbered within their batch. KeyError where the batch has no such column.
    """

    column: str = "text"
    id_column: str | None = None
    labelling: Labelling = field(default_factory=Labelling)

    @property
    def schema(self) -> Any:
        """The pyarrow schema of what comes back."""
        return formats.schema(self.labelling.rows)

    def each(self, batches: Iterable[Any]) -> Iterator[Any]:
        """The rows of every batch in turn."""
        return map(self, batches)

    def __call__(self, batch: Any) -> Any:
        """The rows of a batch, as the same kind of thing as the batch."""
        whole = formats.table(list(self._rows(batch)), self.labelling.rows)
        library, kind = type(batch).__module__.partition(".")[0], type(batch).__name__
        if library == "pandas":
            return whole.to_pandas()
        if library != "pyarrow":
            return whole.to_pydict()
        if kind == "RecordBatch":
            parts = whole.combine_chunks().to_batches()
            return parts[0] if parts else type(batch).from_pylist([], schema=self.schema)
        return whole

    def _rows(self, batch: Any) -> Iterator[dict[str, Any]]:
        classifier = batch_classifier(self.labelling.model, self.labelling.thresholds)
        texts = _values(batch[self.column])
        names = range(len(texts)) if self.id_column is None else _values(batch[self.id_column])
        column = Column(self.column, self.id_column)
        for number, (text, name) in enumerate(zip(texts, names, strict=True)):
            cells = {self.column: text, self.id_column or "": name}
            row = row_of(number, cells, column, 0)
            document = Document(number, str(name), row.text, None, row.error)
            rows, _, _ = rows_of(classifier, document, self.labelling)
            yield from rows


def _values(column: Any) -> list[Any]:
    """A column's values as Python's own; a missing one is None, or NaN."""
    for name in ("to_pylist", "tolist"):
        if hasattr(column, name):
            return list(getattr(column, name)())
    return list(column)
