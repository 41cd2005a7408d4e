"""The job: a collection in, a file of rows out, and every document in it once.

    >>> from policyclf.batch import Collection, Job, run
    >>> run(Job(Collection(("policies",)), Path("rows.jsonl")))        # doctest: +SKIP
    Summary(documents=500, rows=61004, clauses=61003, errors=1, seconds=412.7)

How it resumes is in `policyclf.batch.stage`, how it divides the work in `chunks` and
`workers`, what it writes in `rows` and `formats`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import policyclf
from policyclf.batch import formats
from policyclf.batch.chunks import Chunks, Retry
from policyclf.batch.collection import Collection, Scan
from policyclf.batch.documents import UsageError
from policyclf.batch.labelling import Labelling, Result
from policyclf.batch.progress import Progress, Silent
from policyclf.batch.rows import Row
from policyclf.batch.stage import Counts, Stage, header_of, is_finished, sync_folder
from policyclf.batch.tables import arrow
from policyclf.batch.workers import label_here, label_in_workers, processors
from policyclf.classifier import shipped_model
from policyclf.model import Config

__all__ = ["Engine", "Job", "Summary", "run"]

# What labels chunks: it yields the result of each, in their order.
Engine = Callable[[Chunks, Labelling], Generator[Result]]
KEPT_AT_ONCE = 1024  # rows that are copied in one go


@dataclass(frozen=True)
class Job:
    """What to label, how, and where the rows go.

    `workers` are processes, each on one processor; 0 labels in this one; None takes as
    many as there are processors for it. `engine` takes their place (Ray, or a test's).
    `batch` is the most documents that are handed out at once. Neither changes the output.
    """

    collection: Collection
    out: Path
    labelling: Labelling = field(default_factory=Labelling)
    form: formats.Format | None = None  # by the name of `out`
    workers: int | None = None
    batch: int = 256
    engine: Engine | None = None
    restart: bool = False
    force: bool = False
    retry_errors: bool = False


@dataclass(frozen=True, slots=True)
class Summary:
    """What is in the output, and how long this run took; `errors` are documents that failed."""

    documents: int
    rows: int
    clauses: int
    errors: int
    seconds: float


def run(job: Job, progress: Progress | None = None) -> Summary:
    """Do the job, or what is left of it; returns when `job.out` is whole.

    Raises UsageError where it cannot be done as asked, ModelError for the model, OSError
    for the disk. Whatever ends it early, the same call goes on where it stopped.
    """
    start = time.monotonic()
    form = formats.format_of(job.out, job.form)
    preamble = formats.preamble(form, job.labelling.rows)
    job = replace(job, labelling=replace(job.labelling, form=form))
    if form == "parquet":
        arrow()  # a missing package is said now, not by each worker
    scan = job.collection.scan()
    if any(_same(table.path, job.out) for table in scan.tables):
        raise UsageError(f"{job.out} is one of the sources")
    if not job.out.parent.is_dir():
        raise UsageError(f"{job.out}: there is no folder {job.out.parent}")
    header = _header(job, scan)
    progress = progress or Silent()

    _promote_retry(job.out)
    with Stage(
        job.out, header, preamble, restart=job.restart, force=job.force, new_sources=job.retry_errors
    ) as stage:
        if not stage.finished:
            _remove_retry(job.out)
            if not stage.complete:
                chunks = Chunks(job.collection, job.batch, stage.counts.documents)
                _label(job, chunks, stage, progress, scan)
            _finish(stage, job.labelling)
        counts = stage.counts
        if job.retry_errors and counts.errors:
            counts = _retry(job, header, preamble, stage, progress)
    return Summary(counts.documents, counts.rows, counts.clauses, counts.errors, time.monotonic() - start)


def _label(job: Job, chunks: Chunks, stage: Stage, progress: Progress, scan: Scan) -> None:
    """Label every chunk into the stage."""
    progress.begin(scan, stage.counts)
    try:
        with closing(_engine(job)(chunks, job.labelling)) as results:
            for result in results:
                stage.append(result)
                progress.update(stage.counts)
        stage.commit(complete=True)
    finally:
        progress.end()


def _finish(stage: Stage, labelling: Labelling) -> None:
    """Make the output of a complete stage."""
    if stage.partial.exists():  # else it was renamed before a kill
        formats.write(stage.partial, stage.out, labelling.form, labelling.rows)
    stage.finish()


# Errors tried again: OUT.retry is made, by a stage of its own, of OUT's good rows and
# those of the documents that failed; when it is whole it takes OUT's place.


def _retry(
    job: Job, header: dict[str, Any], preamble: bytes, done: Stage, progress: Progress
) -> Counts:
    """Try the documents that failed in a finished job again; what the output then holds."""
    target = _retry_path(job.out)
    journal = target.with_name(target.name + ".journal")
    with Stage(target, header, preamble, restart=header_of(journal) != header) as stage:
        if not stage.complete:
            if not stage.counts.copied:
                stage.counts.documents = done.counts.documents
                stage.counts.clauses = done.counts.clauses
            retry = Retry(done.journal, done.counts.documents)
            chunks = Chunks(job.collection, 1, stage.counts.retried, retry)
            progress.begin(None, stage.counts)
            try:
                with (
                    closing(formats.read(job.out, job.labelling.form, job.labelling.rows)) as rows,
                    closing(_engine(job)(chunks, job.labelling)) as results,
                ):
                    left = islice(rows, stage.counts.copied, None)
                    for result, copied, retried in _merged(left, results, job.labelling):
                        stage.append(result, copied=copied, retried=retried)
                        progress.update(stage.counts)
                    next(results, None)  # by which the sources are looked at to their end
                stage.commit(complete=True)
            finally:
                progress.end()
        _finish(stage, job.labelling)
    _promote_retry(job.out)
    return stage.counts


def _merged(
    rows: Iterable[Row], results: Iterator[Result], labelling: Labelling
) -> Iterator[tuple[Result, int, int]]:
    """The rows with each error's replaced by the next result; how many rows and documents that is."""
    kept: list[Row] = []
    for row in rows:
        failed = row["error"] is not None
        if not failed:
            kept.append(row)
        if kept and (failed or len(kept) == KEPT_AT_ONCE):
            yield _copy(kept, labelling), len(kept), 0
            kept = []
        if failed:
            yield replace(next(results), documents=0), 1, 1
    if kept:
        yield _copy(kept, labelling), len(kept), 0


def _copy(rows: Sequence[Row], labelling: Labelling) -> Result:
    data = formats.encoded(rows, labelling.form, labelling.rows)
    return Result(documents=0, rows=len(rows), clauses=0, size=0, errors=(), data=data)


def _retry_path(out: Path) -> Path:
    return out.with_name(out.name + ".retry")


def _promote_retry(out: Path) -> None:
    """Put a finished retry in the output's place; also where a kill came in between."""
    target = _retry_path(out)
    journal = target.with_name(target.name + ".journal")
    if is_finished(journal):
        if target.exists():
            target.replace(out)
        target.with_name(target.name + ".partial").unlink(missing_ok=True)
        journal.replace(out.with_name(out.name + ".journal"))
        sync_folder(out.parent)


def _remove_retry(out: Path) -> None:
    target = _retry_path(out)
    for suffix in (".journal", ".partial", ".unfinished", ""):
        target.with_name(target.name + suffix).unlink(missing_ok=True)


def _engine(job: Job) -> Engine:
    if job.engine is not None:
        return job.engine
    if job.workers == 0:
        return label_here
    return partial(label_in_workers, workers=job.workers or processors())


def _header(job: Job, scan: Scan) -> dict[str, Any]:
    """What the rows depend on."""
    folder = shipped_model() if job.labelling.model is None else Path(job.labelling.model)
    name = Config.read(folder).name
    column = job.collection.column
    return {
        "version": policyclf.__version__,
        "model": f"{name} {hashlib.sha256((folder / 'config.json').read_bytes()).hexdigest()}",
        "thresholds": job.labelling.thresholds,
        "rows": job.labelling.rows,
        "unit": "sentence" if job.labelling.sentences else "document",
        "column": column.text,
        "id_column": column.id,
        "encoding": column.encoding,
        "format": job.labelling.form,
        "sources": scan.digest,
    }


def _same(path: str, out: Path) -> bool:
    return out.exists() and Path(path).samefile(out)
