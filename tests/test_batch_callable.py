"""The callable for Ray, Spark and Dask: batches in, rows out."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from policyclf.batch import Collection, Column, Job, LabelDocuments, Labelling, formats, run
from tests.batching import policy


@pytest.mark.parametrize("kind", ["clauses", "documents"])
def test_the_callable_gives_the_rows_of_a_batch(kind: Any, tmp_path: Path) -> None:
    texts = [policy(3), "", None, policy(4)]
    table = pa.table({"name": ["a", "b", "c", "d"], "body": texts})
    label = pickle.loads(pickle.dumps(LabelDocuments("body", "name", Labelling(rows=kind))))
    found = label(table)
    assert found.schema.equals(label.schema)
    source, out = tmp_path / "a.parquet", tmp_path / "out.parquet"
    pq.write_table(table, source)
    column = Column("body", "name")
    run(Job(Collection((str(source),), column), out, Labelling(rows=kind), workers=0))
    assert pq.read_table(out).equals(found)
    (batch,) = label.each(table.to_batches())
    assert pa.Table.from_batches([batch]).equals(found)
    assert label(table.to_pydict()) == found.to_pydict()
    frame = label(table.to_pandas())
    assert isinstance(frame, pd.DataFrame)
    assert frame["document"].tolist() == found["document"].to_pylist()
    assert frame["error"].dropna().tolist() == ["'body' is missing"]


def test_the_callable_on_no_documents_and_on_no_column() -> None:
    label = LabelDocuments()
    assert label({"text": []})["labels"] == []
    assert list(label(pd.DataFrame({"text": []})).columns) == formats.columns("clauses")
    empty = pa.RecordBatch.from_pylist([], schema=pa.schema([("text", pa.string())]))
    assert label(empty).schema.equals(label.schema)
    with pytest.raises(KeyError):
        label({"body": ["x"]})
