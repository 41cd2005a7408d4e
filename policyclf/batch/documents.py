"""The documents of a collection, and the errors of those who name one wrongly."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Document", "UsageError"]


class UsageError(ValueError):
    """The job as it was asked for cannot be done: nothing was read or written."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document, or one sentence, of a collection.

    Either its `text` came from a cell of a table, or it stands in the file at `path`,
    which whoever labels it reads; or `error` says why its source did not yield it.
    """

    number: int  # its place in the collection, from 0
    id: str  # what its rows are known by: the file's path, the id in the table, or FILE:ROW
    text: str | None = None
    path: str | None = None
    error: str | None = None
    size: int = 0  # bytes of the source that it takes
