"""A collection in pieces of work: some consecutive documents each, of about equal length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from policyclf.batch.collection import Collection
from policyclf.batch.documents import Document, UsageError
from policyclf.batch.stage import failures

__all__ = ["Chunks"]

# Bytes of source that fill a chunk: some seconds of one processor's time, so that handing
# chunks out costs nothing, and neighbours, which tend to resemble each other, meet in one worker.
BYTES = 100_000


@dataclass(frozen=True)
class Chunks:
    """The documents from number `first` on, at most `documents` to a chunk.

    With `retry_of`, the journal of a finished job: only those that failed in it, after
    the first `first` of them, one to a chunk. Can be pickled and iterated anywhere that
    the sources are, every time with the same result.
    """

    collection: Collection
    documents: int
    first: int = 0
    retry_of: Path | None = None

    def __iter__(self) -> Iterator[list[Document]]:
        if self.retry_of is not None:
            yield from ([document] for document in self._failed(self.retry_of))
            return
        chunk: list[Document] = []
        size = 0
        for document in islice(self.collection.documents(), self.first, None):
            chunk.append(document)
            size += document.size
            if size >= BYTES or len(chunk) == self.documents:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _failed(self, journal: Path) -> Iterator[Document]:
        wanted = islice(failures(journal), self.first, None)
        number, name = next(wanted, (None, ""))
        for document in self.collection.documents():
            if number is None:
                return
            if document.number != number:
                continue
            if document.id != name:
                raise UsageError(
                    f"the sources have changed: what was {name!r} is now {document.id!r}; "
                    "--restart labels all of them anew"
                )
            yield document
            number, name = next(wanted, (None, ""))
        if number is not None:
            raise UsageError(
                f"the sources have changed: {name!r} is no longer in them; --restart labels all of them anew"
            )
