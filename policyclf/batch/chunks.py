"""A collection in pieces of work: some consecutive documents each, of about equal length."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from policyclf.batch.collection import Collection
from policyclf.batch.documents import Document, UsageError
from policyclf.batch.stage import failures

__all__ = ["Chunks", "Retry"]

# Bytes of source that fill a chunk: some seconds of one processor's time, so that handing
# chunks out costs nothing, and neighbours, which tend to resemble each other, meet in one worker.
BYTES = 100_000


CHANGED, ANEW = "the sources have changed", "--restart labels all of them anew"


@dataclass(frozen=True)
class Retry:
    """A finished job whose errors are tried again: its journal, and how many documents it had."""

    journal: Path
    documents: int


@dataclass(frozen=True)
class Chunks:
    """The documents from number `first` on, at most `documents` to a chunk.

    With `retry`, only those that failed in a finished job, after the first `first` of
    them, one to a chunk. Can be pickled and iterated anywhere that the sources are, every
    time with the same result.
    """

    collection: Collection
    documents: int
    first: int = 0
    retry: Retry | None = None

    def __iter__(self) -> Generator[list[Document]]:
        with closing(self.collection.documents()) as documents:
            if self.retry is not None:
                yield from ([document] for document in self._failed(documents, self.retry))
                return
            chunk: list[Document] = []
            size = 0
            for document in islice(documents, self.first, None):
                chunk.append(document)
                size += document.size
                if size >= BYTES or len(chunk) == self.documents:
                    yield chunk
                    chunk, size = [], 0
            if chunk:
                yield chunk

    def _failed(self, documents: Iterable[Document], retry: Retry) -> Iterator[Document]:
        """The documents that failed; UsageError where they are seen not to be what they were."""
        wanted = islice(failures(retry.journal), self.first, None)
        number, name = next(wanted, (None, ""))
        count = 0
        for document in documents:
            count += 1
            if document.number != number:
                continue
            if document.id != name:
                raise UsageError(f"{CHANGED}: what was {name!r} is now {document.id!r}; {ANEW}")
            yield document
            number, name = next(wanted, (None, ""))
        if count != retry.documents:
            raise UsageError(f"{CHANGED}: there were {retry.documents:,} documents, now {count:,}; {ANEW}")
