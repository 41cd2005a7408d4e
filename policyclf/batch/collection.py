"""Collections: folders, globs, files and tables, as one sequence of documents.

The order is that of the sources as given, within a folder that of the sorted names, so
that the same sources are the same sequence on every run: resuming counts on it.
"""

from __future__ import annotations

import codecs
import glob
import hashlib
import json
import os
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from policyclf.batch.documents import Document, UsageError
from policyclf.batch.tables import SUFFIXES, Column, Table
from policyclf.reading import KINDS

__all__ = ["Collection", "Scan"]


@dataclass(frozen=True, slots=True)
class _File:
    """A file that holds one document."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look at the sources finds, before any of them is read.

    `digest` is SHA-256 over names and sizes, by which a resumed run knows the sources
    again; `skipped` counts files of other kinds in folders and globs, by suffix.
    """

    files: int
    tables: tuple[Table, ...]
    size: int  # bytes
    digest: str
    skipped: dict[str, int]


@dataclass(frozen=True)
class Collection:
    """The documents of `sources`, each a folder, a glob, a file or a saved dataset.

    A folder stands for its document files (those that `policyclf.reading` reads),
    however deep; a folder that holds Parquet files, or that `datasets.save_to_disk`
    wrote, for its rows. A table is read only where it is named, or matched by a glob.
    `sentences` says that the column of tables holds single sentences.
    """

    sources: tuple[str, ...]
    column: Column = field(default_factory=Column)
    sentences: bool = False

    def scan(self) -> Scan:
        """Look at every source: count, measure, and see that tables have their columns.

        Raises UsageError where a source is missing, holds no documents or lacks a
        column, MissingExtraError where reading it needs a package that is not installed.
        """
        if self.column.encoding is not None:
            try:
                codecs.lookup(self.column.encoding)
            except LookupError as error:
                raise UsageError(f"no encoding is called {self.column.encoding!r}") from error
        digest = hashlib.sha256()
        files = size = 0
        tables: list[Table] = []
        skipped: Counter[str] = Counter()
        for source in self.sources:
            before = files + len(tables)
            for item in _items(source, skipped):
                digest.update(f"{item.path}\0{item.size}\n".encode(errors="surrogateescape"))
                size += item.size
                if isinstance(item, Table):
                    item.check(self.column)
                    tables.append(item)
                elif self.sentences:
                    raise UsageError(f"{item.path}: sentences are read from a column of a table, not a file")
                else:
                    files += 1
            if files + len(tables) == before:
                raise UsageError(f"{source}: no documents in it; read are {', '.join(_readable())}")
        return Scan(files, tuple(tables), size, digest.hexdigest(), dict(skipped))

    def documents(self) -> Generator[Document]:
        """Every document in order, numbered from 0; those of a table with their text."""
        number = 0
        for item in (item for source in self.sources for item in _items(source, Counter())):
            if isinstance(item, _File):
                yield Document(number, item.path, path=item.path, size=item.size)
                number += 1
                continue
            with closing(item.rows(self.column)) as rows:
                for row in rows:
                    name = row.id if row.id is not None else f"{item.path}:{row.number}"
                    yield Document(number, name, row.text, None, row.error, row.size)
                    number += 1


def _readable() -> list[str]:
    return [*KINDS, *SUFFIXES]


def _items(source: str, skipped: Counter[str]) -> Iterator[_File | Table]:
    """The files and tables that a source stands for; UsageError where there is no such thing."""
    path = Path(source)
    if path.is_dir():
        yield from _folder(source, skipped)
    elif path.is_file():
        item = _item(source, tables=True)
        if item is None:
            raise UsageError(f"{source}: not supported; read are {', '.join(_readable())}")
        yield item
    elif glob.has_magic(source):
        for name in sorted(glob.iglob(source, recursive=True)):  # noqa: PTH207 - the source's own spelling
            if Path(name).is_dir():
                continue
            item = _item(name, tables=True)
            if item is None:
                skipped[Path(name).suffix.lower()] += 1
            else:
                yield item
    else:
        raise UsageError(f"{source}: no such file or folder")


def _item(path: str, tables: bool) -> _File | Table | None:
    suffix = Path(path).suffix.lower()
    if suffix in KINDS:
        return _File(path, _size(path))
    if tables and suffix in SUFFIXES:
        return Table(path, SUFFIXES[suffix], _size(path))
    return None


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0  # a dangling link: whoever reads it says so


def _folder(folder: str, skipped: Counter[str]) -> Iterator[_File | Table]:
    saved = _saved_dataset(folder)
    if saved:
        yield from saved
    elif any(name.endswith(".parquet") for name in _walk(folder)):
        for name in _walk(folder):
            if name.endswith(".parquet"):
                yield Table(name, "parquet", _size(name))
    else:
        for name in _walk(folder):
            item = _item(name, tables=False)
            if item is None:
                skipped[Path(name).suffix.lower()] += 1
            else:
                yield item


def _walk(folder: str) -> Iterator[str]:
    """The files below a folder, sorted, without what is hidden; links to folders are not followed."""
    with os.scandir(folder) as entries:
        found = sorted((e.name, e.is_dir(follow_symlinks=False), e.is_dir()) for e in entries)
    for name, inner, leads_to_folder in found:
        path = os.path.join(folder, name)  # noqa: PTH118 - a million of these
        if name.startswith("."):
            continue
        if inner:
            yield from _walk(path)
        elif not leads_to_folder:
            yield path


def _saved_dataset(folder: str) -> list[Table]:
    """The tables of a folder that `datasets` wrote by save_to_disk, of each split in turn; else []."""
    path = Path(folder)
    try:
        if (path / "dataset_dict.json").is_file():
            splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
            return [table for split in splits for table in _saved_dataset(str(path / split))]
        if not (path / "state.json").is_file() or not (path / "dataset_info.json").is_file():
            return []
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        names = [str(path / file["filename"]) for file in state["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder}: a damaged dataset folder: {type(error).__name__}: {error}") from error
    return [Table(name, "arrow", _size(name)) for name in names]
