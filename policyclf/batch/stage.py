"""Rows on their way to the output, and the journal that says how many of them count.

Beside OUT stand, while a job runs, OUT.partial (its rows) and OUT.journal. Rows
are only ever appended; every second or so they are forced to the disk, and then a
line goes to the journal that says how far the file is good and how many documents that
is. A job that was killed, at whatever instant, finds the last whole line of the journal,
cuts the rows back to it and goes on with the next document: none is lost, none is twice.

The journal stays beside the finished OUT. By it a second run of the same command knows
that all is done, and a run with another model that OUT is not its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from policyclf.batch.documents import UsageError
from policyclf.errors import FileError

if TYPE_CHECKING:
    from policyclf.batch.labelling import Result

__all__ = ["Counts", "Stage", "failures", "header_of", "is_finished", "sync_folder"]

FORMAT = 1
SECONDS = 1.0  # between two commits: what a kill may cost


@dataclass(slots=True)
class Counts:
    """What is done, from the beginning of the job."""

    documents: int = 0
    rows: int = 0
    clauses: int = 0
    errors: int = 0  # documents that failed
    size: int = 0  # bytes of the sources
    offset: int = 0  # bytes of OUT.partial
    # where the errors of an earlier output are tried again:
    copied: int = 0  # rows of it that have been dealt with
    retried: int = 0  # documents that have been tried


class Stage:
    """OUT.partial and OUT.journal, opened for one process.

    `counts` is what is committed and appended so far; `complete` says that every
    document is in OUT.partial, `finished` that OUT is made of it.
    """

    def __init__(
        self,
        out: Path,
        header: Mapping[str, Any],
        preamble: bytes = b"",
        *,
        restart: bool = False,
        force: bool = False,
        new_sources: bool = False,
    ) -> None:
        """Begin, or go on where the journal says.

        `preamble` is what stands before the first row. `header` is what the job depends
        on: model, options, sources. UsageError where
        the journal has another (`force` goes on with it all the same, `restart` begins
        anew, `new_sources` lets those of a finished job have changed), or where another
        process is at it; FileError where OUT.partial is damaged.
        """
        self.out = out
        self.partial = out.with_name(out.name + ".partial")
        self.journal = out.with_name(out.name + ".journal")
        self.counts = Counts()
        self.complete = False
        self.finished = False
        self._new_errors: list[tuple[int, str]] = []
        self._committed = time.monotonic()
        self._journal = FileIO(self.journal, "a+")
        self._rows: FileIO | None = None
        try:
            _lock(self._journal, self.journal)
            if restart:
                self._journal.truncate(0)
            if not self._resume(header, force, new_sources):
                self._begin(header, restart)
            if self._rows is not None and not self.counts.offset:
                self._write(preamble)
                self.counts.offset = len(preamble)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; what was appended since the last commit does not count."""
        if self._rows is not None:
            self._rows.close()
        self._journal.close()

    def _begin(self, header: Mapping[str, Any], restart: bool) -> None:
        if self.out.exists() and not restart:
            empty = self._journal.seek(0, os.SEEK_END) == 0
            if empty:
                self.journal.unlink()
            raise UsageError(f"{self.out} exists already: name another output, or give --restart")
        self._journal.truncate(0)
        self._rows = FileIO(self.partial, "w")
        self._record({"policyclf_batch": FORMAT, **header})
        sync_folder(self.out.parent)

    def _resume(self, header: Mapping[str, Any], force: bool, new_sources: bool) -> bool:
        """Take up what the journal says; False where it says nothing."""
        good = 0
        found: Mapping[str, Any] | None = None
        for record, end in _records(self.journal):
            good = end
            if "policyclf_batch" in record:  # the first line, or what --force put in its place
                found = record
            else:
                self._take(record)
        if found is None or (self.finished and not self.out.exists()):
            self.counts, self.complete, self.finished = Counts(), False, False
            return False
        self._journal.truncate(good)  # a line that was being written
        if found.get("policyclf_batch") != FORMAT:
            raise UsageError(f"{self.journal} is of another version of policyclf; --restart begins anew")
        wanted = {"policyclf_batch": FORMAT, **header}
        if found != wanted:
            _refuse(found, wanted, self, force, new_sources)
            self._record(wanted)
        if self.finished:
            self.partial.unlink(missing_ok=True)  # killed before that
            return True
        if self.complete and not self.partial.exists() and self.out.exists():
            return True  # killed between the renaming and its record
        try:
            self._rows = FileIO(self.partial, "r+")
            size = self._rows.seek(0, os.SEEK_END)
        except OSError as error:
            raise FileError(f"{self.partial}: {error.strerror}; --restart begins anew") from error
        if size < self.counts.offset:
            raise FileError(
                f"{self.partial} has {size} bytes, its journal counts {self.counts.offset}; "
                "--restart begins anew"
            )
        self._rows.truncate(self.counts.offset)
        self._rows.seek(self.counts.offset)
        return True

    def _take(self, record: Mapping[str, Any]) -> None:
        self.complete = self.complete or bool(record.get("complete"))
        self.finished = self.finished or bool(record.get("finished"))
        if "counts" in record:
            self.counts = Counts(**record["counts"])

    def append(self, result: Result, *, copied: int = 0, retried: int = 0) -> None:
        """Add rows; commits them where the last commit is long enough ago."""
        self._write(result.data)
        counts = self.counts
        counts.documents += result.documents
        counts.rows += result.rows
        counts.clauses += result.clauses
        counts.errors += len(result.errors)
        counts.size += result.size
        counts.offset += len(result.data)
        counts.copied += copied
        counts.retried += retried
        self._new_errors += result.errors
        if time.monotonic() - self._committed >= SECONDS:
            self.commit()

    def _write(self, data: bytes) -> None:
        if self._rows is None:
            raise ValueError("all rows have been written")
        _write_all(self._rows, data)

    def commit(self, *, complete: bool = False) -> None:
        """Make all that was appended count; `complete` where it is all there is."""
        if self._rows is None:
            raise ValueError("all rows have been written")
        os.fsync(self._rows.fileno())
        counts = self.counts
        record: dict[str, Any] = {
            "counts": {name: getattr(counts, name) for name in Counts.__slots__},
            "errors": self._new_errors,
        }
        if complete:
            record["complete"] = True
        self._record(record)
        self.complete = complete
        self._new_errors = []
        self._committed = time.monotonic()

    def finish(self) -> None:
        """Record that OUT is whole, and let go of OUT.partial."""
        sync_folder(self.out.parent)
        self._record({"finished": True})
        self.finished = True
        if self._rows is not None:
            self._rows.close()
            self._rows = None
        self.partial.unlink(missing_ok=True)

    def _record(self, record: Mapping[str, Any]) -> None:
        _write_all(self._journal, json.dumps(record).encode("ascii") + b"\n")
        os.fsync(self._journal.fileno())


def failures(journal: Path) -> Iterator[tuple[int, str]]:
    """Number and id of each document that failed, in order, from a job's journal."""
    for record, _ in _records(journal):
        yield from map(tuple, record.get("errors", ()))


def header_of(journal: Path) -> Mapping[str, Any]:
    """What a journal says that its job depends on; {} where there is none."""
    found: Mapping[str, Any] = {}
    if journal.exists():
        for record, _ in _records(journal):
            if "policyclf_batch" in record:
                found = {name: value for name, value in record.items() if name != "policyclf_batch"}
    return found


def is_finished(journal: Path) -> bool:
    """Whether a journal says that its output is whole; False where there is no journal."""
    return journal.exists() and any(record.get("finished") for record, _ in _records(journal))


def _records(journal: Path) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each whole line of a journal, and where it ends; the last may be torn, and is none then."""
    end = 0
    with journal.open("rb") as lines:
        for line in lines:
            end += len(line)
            if not line.endswith(b"\n"):
                return
            try:
                record = json.loads(line)
            except ValueError as error:
                raise FileError(f"{journal} is damaged: {error}; --restart begins anew") from error
            yield record, end


def _refuse(
    found: Mapping[str, Any],
    wanted: Mapping[str, Any],
    stage: Stage,
    force: bool,
    new_sources: bool,
) -> None:
    """UsageError where a job that was begun as another may not, or cannot, go on as this one."""
    differing = [name for name in sorted({*found, *wanted}) if found.get(name) != wanted.get(name)]
    possible = not stage.finished and not {"rows", "format"} & set(differing)
    if (force and possible) or (new_sources and stage.finished and differing == ["sources"]):
        return
    changes = "; ".join(
        f"{name}: {str(found.get(name))[:40]} then, {str(wanted.get(name))[:40]} now" for name in differing
    )
    advice = "--restart begins anew"
    if possible:
        advice += ", --force goes on all the same"
    elif stage.finished:
        advice = "name another output, or give --restart to make it anew"
    raise UsageError(f"{stage.out} was begun as another job ({changes}); {advice}")


def _write_all(file: FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) or 0 :]


def sync_folder(folder: Path) -> None:
    """Force a folder's names to the disk, where the system knows how."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lock(file: FileIO, path: Path) -> None:
    """Keep other processes from this journal, where the system has such locks."""
    try:
        import fcntl
    except ModuleNotFoundError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UsageError(f"{path} is in use: another run writes to the same output") from error
