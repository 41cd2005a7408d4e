"""Columns of text in tables: JSON Lines, CSV, Parquet, saved Hugging Face datasets.

A table yields its rows one after another and holds no more of itself in memory than a
row, or a few hundred of a columnar file. A row that is damaged is a row with an error;
the rows after it are read.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from policyclf.batch.documents import UsageError
from policyclf.errors import MissingExtraError

__all__ = ["SUFFIXES", "Column", "Row", "Table", "arrow", "row_of"]

Kind = Literal["jsonl", "csv", "tsv", "parquet", "arrow"]
SUFFIXES: dict[str, Kind] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".arrow": "arrow",  # the files of a Hugging Face dataset that was saved to a folder
}
ROWS_AT_ONCE = 256  # of a columnar file
_NOT_DECODED = re.compile("[\udc80-\udcff]")  # what surrogateescape makes of such bytes


@dataclass(frozen=True, slots=True)
class Column:
    """Where a table keeps its texts, and how its bytes are text.

    `id` is the column of ids; None numbers the rows. `encoding` is that of JSON Lines
    and CSV; None takes UTF-8, or what a byte order mark says.
    """

    text: str = "text"
    id: str | None = None
    encoding: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A row's text, or what is wrong with it; `size` is the bytes that it takes of the file."""

    number: int  # of the row, from 1; of the line, in JSON Lines
    text: str | None
    id: str | None
    error: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows; a row without an id is called by path and number: `policies.csv:17`."""

    path: str
    kind: Kind
    size: int

    def check(self, column: Column) -> None:
        """Raise UsageError where the table lacks the columns, MissingExtraError without pyarrow."""
        try:
            self._check(column)
        except UsageError:
            raise
        except (OSError, ValueError):
            return  # a damaged file: `rows` yields what there is to say

    def _check(self, column: Column) -> None:
        if self.kind in ("csv", "tsv"):
            with _opened(self.path, column.encoding) as stream:
                header = next(csv.reader(stream, **_dialect(self.kind)), [])
            _require(header, column, self.path)
        elif self.kind == "jsonl":
            with closing(_json_objects(self, column)) as objects:
                first = next((found for found in objects if not isinstance(found, Row)), None)
            if first is not None:
                _require(list(first[1]), column, self.path)
        else:
            names, texts = _columns(self)
            _require(names, column, self.path)
            if column.text not in texts:
                raise UsageError(f"{self.path}: column {column.text!r} does not hold text")

    def rows(self, column: Column) -> Generator[Row]:
        """The rows in order; a damaged file ends with a row that says where and why."""
        read = {"jsonl": _json_rows, "csv": _csv_rows, "tsv": _csv_rows}.get(self.kind, _arrow_rows)
        number = 0
        try:
            with closing(read(self, column)) as found:
                for row in found:
                    number = row.number
                    yield row
        except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors or OSErrors
            yield Row(number + 1, None, None, f"{self.path} cannot be read from here on: {error}", 0)


def _require(names: Sequence[str], column: Column, table: str) -> None:
    for wanted, option in ((column.text, "--column"), (column.id, "--id-column")):
        if wanted is not None and wanted not in names:
            shown = ", ".join(map(repr, names[:20])) or "none"
            raise UsageError(f"{table} has no column {wanted!r} ({option}); its columns are {shown}")


def row_of(number: int, cells: dict[str, Any], column: Column, size: int) -> Row:
    """The row of these cells, the text and the id picked out."""
    text = cells.get(column.text)
    name = cells.get(column.id) if column.id is not None else None
    error = None
    if not isinstance(text, str):
        found = "is missing" if _is_missing(text) else f"is no text but {type(text).__name__}"
        error = f"{column.text!r} {found}"
    elif column.id is not None and _is_missing(name):
        error = f"{column.id!r}, the id, is missing"
    return Row(number, None if error else text, None if _is_missing(name) else str(name), error, size)


def _is_missing(value: object) -> bool:
    """Whether a cell is empty: None, not a number, or the NA or NaT of pandas."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


# JSON Lines


def _json_rows(table: Table, column: Column) -> Generator[Row]:
    with closing(_json_objects(table, column)) as objects:
        for found in objects:
            yield found if isinstance(found, Row) else row_of(found[0], found[1], column, found[2])


def _json_objects(
    table: Table, column: Column
) -> Generator[Row | tuple[int, dict[str, Any], int]]:
    """Each line's number, object and bytes, or the row that says that it is none; blank lines are none."""
    with Path(table.path).open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode(column.encoding or "utf-8-sig"))
            except (ValueError, RecursionError) as error:
                yield Row(number, None, None, f"no line of JSON: {error}", len(line))
                continue
            if isinstance(value, dict):
                yield number, value, len(line)
            else:
                message = f"no JSON object but {type(value).__name__}"
                yield Row(number, None, None, message, len(line))


# CSV


def _csv_rows(table: Table, column: Column) -> Generator[Row]:
    # A policy is longer than the 128 KiB that the csv module takes a cell for an error at.
    usual = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with _opened(table.path, column.encoding) as stream:
            raw = cast(io.BufferedReader, stream.buffer)
            reader = csv.reader(stream, **_dialect(table.kind))
            header = next(reader, [])
            number, at = 0, 0
            while True:
                number += 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Row(number, None, None, f"no row of CSV: {error}", 0)
                    continue
                if not cells:
                    number -= 1
                    continue
                before, at = at, raw.tell()
                row = row_of(number, dict(zip(header, cells, strict=False)), column, at - before)
                if row.text is not None and _NOT_DECODED.search(row.text):
                    message = (
                        f"{column.text!r} is not {(column.encoding or 'UTF-8').upper()}; "
                        "--encoding names another encoding, as in --encoding cp932"
                    )
                    row = Row(number, None, row.id, message, row.size)
                yield row
    finally:
        csv.field_size_limit(usual)


def _dialect(kind: Kind) -> dict[str, Any]:
    return {"delimiter": "\t"} if kind == "tsv" else {}


def _opened(path: str, encoding: str | None) -> io.TextIOWrapper:
    """The file as text; bytes that are none come as surrogates, for the row to say so."""
    raw = Path(path).open("rb")  # noqa: SIM115 - the wrapper closes it
    if encoding is None:
        encoding = "utf-16" if raw.peek(2)[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")


# Parquet and Arrow


def _arrow_rows(table: Table, column: Column) -> Generator[Row]:
    wanted = [name for name in (column.text, column.id) if name is not None]
    number = 0
    with closing(_batches(table, wanted)) as batches:
        for batch, size in batches:
            each = size // max(1, batch.num_rows)
            for cells in batch.to_pylist():
                number += 1
                yield row_of(number, cells, column, each)


def _columns(table: Table) -> tuple[list[str], set[str]]:
    """The names of the columns, and those of them that hold text."""
    pa = arrow()
    if table.kind == "parquet":
        import pyarrow.parquet

        schema = pyarrow.parquet.read_schema(table.path)
    else:
        with pa.memory_map(table.path) as source:
            schema = pa.ipc.open_stream(source).schema
    types = pa.types
    texts = set()
    for field in schema:
        kind = field.type.value_type if types.is_dictionary(field.type) else field.type
        if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
            texts.add(field.name)
    return list(schema.names), texts


def _batches(table: Table, wanted: Sequence[str]) -> Generator[tuple[Any, int]]:
    """Record batches of the wanted columns, and the bytes that each takes of the file."""
    pa = arrow()
    if table.kind == "parquet":
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(table.path) as file:
            total = max(1, file.metadata.num_rows)
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(wanted)):
                yield batch, table.size * batch.num_rows // total
        return
    with pa.memory_map(table.path) as source:
        at = 0
        for batch in pa.ipc.open_stream(source):
            before, at = at, source.tell()
            whole = batch.select(list(wanted))
            for first in range(0, whole.num_rows, ROWS_AT_ONCE):
                part = whole.slice(first, ROWS_AT_ONCE)
                yield part, (at - before) * part.num_rows // whole.num_rows


def arrow() -> Any:
    """The pyarrow package; MissingExtraError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.ipc
    except ModuleNotFoundError as error:
        raise MissingExtraError("Parquet and Arrow files", "batch") from error
    return pyarrow
