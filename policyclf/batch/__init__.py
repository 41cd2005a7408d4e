"""Label a collection: thousands of policies, or millions of sentences, into one file of rows.

    >>> from pathlib import Path
    >>> from policyclf.batch import Collection, Job, run
    >>> run(Job(Collection(("policies",)), Path("rows.jsonl")))        # doctest: +SKIP
    Summary(documents=500, rows=61004, clauses=61003, errors=1, seconds=412.7)

`policyclf batch` is this on the command line. It streams, resumes after a kill at any
instant, and writes the same bytes whatever the number of workers.
"""

from policyclf.batch.callable import LabelDocuments
from policyclf.batch.collection import Collection
from policyclf.batch.documents import Document, UsageError
from policyclf.batch.job import Engine, Job, Summary, run
from policyclf.batch.labelling import Labelling, Result
from policyclf.batch.tables import Column

__all__ = [
    "Collection",
    "Column",
    "Document",
    "Engine",
    "Job",
    "LabelDocuments",
    "Labelling",
    "Result",
    "Summary",
    "UsageError",
    "run",
]
