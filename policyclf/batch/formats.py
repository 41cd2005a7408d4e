"""The finished output: JSON Lines, CSV or Parquet, and its rows read back.

All three hold the same rows, and `read` gives them back as the dicts that they were.
CSV and Parquet have a column for each score (`score_<practice>`) and each count.

CSV is written for spreadsheets: UTF-8 with a byte order mark, by which they show Japanese;
lists joined by "; "; and no cell that they would run as a formula: where a text begins
with one of = + - @ (also full-width), with white space or with ', a ' stands before it.
So a text cell that begins with ' is read by dropping that one character.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from policyclf.batch.documents import UsageError
from policyclf.batch.rows import CLAUSE, DOCUMENT, Row, RowKind, line
from policyclf.batch.stage import sync_folder
from policyclf.batch.tables import arrow
from policyclf.practices import Practice

__all__ = ["Format", "columns", "encoded", "format_of", "preamble", "read", "schema", "table", "write"]

Format = Literal["jsonl", "csv", "parquet"]
ROW_GROUP = 32_768  # rows of Parquet that are in memory at once, some 20 MB
NAMES = tuple(practice.value for practice in Practice)
_LISTS = {"labels", "denied", "practices", "languages"}
_NUMBERS = {"clause", "start", "end", "characters", "clauses"}
_SPREAD = {"scores": "score_", "counts": "count_", "denied_counts": "denied_count_"}
_RISKY = re.compile(r"['=+\-@＝＋－＠\s\x00-\x1f\u200b-\u200f\u2060\ufeff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def format_of(out: Path, given: Format | None) -> Format:
    """The format asked for, or by the name of the output; UsageError where neither says."""
    if given is not None:
        return given
    by_suffix: dict[str, Format] = {
        ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"
    }  # fmt: skip
    if out.suffix.lower() not in by_suffix:
        raise UsageError(f"{out}: call it .jsonl, .csv or .parquet, or give --format")
    return by_suffix[out.suffix.lower()]


def columns(kind: RowKind) -> list[str]:
    """The columns of CSV and Parquet."""
    fields = CLAUSE if kind == "clauses" else DOCUMENT
    return [
        column
        for name in fields
        for column in ([_SPREAD[name] + p for p in NAMES] if name in _SPREAD else [name])
    ]


def preamble(form: Format, kind: RowKind) -> bytes:
    """What stands before the first row of OUT.partial."""
    return _csv_lines([columns(kind)], "utf-8-sig") if form == "csv" else b""


def encoded(rows: Sequence[Row], form: Format, kind: RowKind) -> bytes:
    """Rows as they are appended to OUT.partial; workers do this, so that it takes none of the parent's time.

    JSON Lines and CSV as in the output. Parquet cannot be appended to: its rows wait as
    Arrow record batches, each after its length in 8 bytes.
    """
    if form == "jsonl":
        return b"".join(map(line, rows))
    if form == "csv":
        return _csv_lines(map(_cells, rows), "utf-8")
    batches = table(rows, kind).combine_chunks().to_batches()
    parts = [batch.serialize().to_pybytes() for batch in batches]
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


def write(partial: Path, out: Path, form: Format, kind: RowKind) -> None:
    """Make `out` of the rows in `partial`; `out` is whole or is not there."""
    if form != "parquet":
        partial.replace(out)
        return
    unfinished = out.with_name(out.name + ".unfinished")
    with partial.open("rb") as file:
        _parquet(_batches(file, schema(kind)), unfinished, kind)
    with unfinished.open("r+b") as file:
        os.fsync(file.fileno())
    unfinished.replace(out)
    sync_folder(out.parent)


def read(out: Path, form: Format, kind: RowKind) -> Generator[Row]:
    """The rows of a finished output."""
    if form == "jsonl":
        with out.open("rb") as lines:
            yield from map(json.loads, lines)
    elif form == "csv":
        yield from _read_csv(out, kind)
    else:
        yield from _read_parquet(out, kind)


def _csv_lines(rows: Iterable[Iterable[Any]], encoding: str) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def _cells(row: Row) -> Iterator[Any]:
    fields = CLAUSE if "clause" in row else DOCUMENT
    for name in fields:
        value = row[name]
        if name in _SPREAD:
            yield from (None if value is None else value[p] for p in NAMES)
        elif value is None or name in _NUMBERS:
            yield value
        elif name in _LISTS:
            yield "; ".join(value)
        elif name == "evidence":
            yield json.dumps(value)
        else:
            # Half a surrogate pair is no UTF-8; U+FFFD is as long, so that places stand.
            text = _SURROGATE.sub("\ufffd", value)
            yield "'" + text if _RISKY.match(text) else text


def _read_csv(path: Path, kind: RowKind) -> Iterator[Row]:
    usual = csv.field_size_limit(2**31 - 1)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for cells in csv.DictReader(file):
                yield _row(cells, kind, _from_cell)
    finally:
        csv.field_size_limit(usual)


def _from_cell(name: str, cell: str, cells: dict[str, Any]) -> Any:
    if name in _NUMBERS:
        return int(cell)
    if name in _LISTS:
        return cell.split("; ") if cell else []
    if name == "evidence":
        return json.loads(cell)
    if name == "furniture":
        return cell or None
    return cell.removeprefix("'")


def _row(cells: dict[str, Any], kind: RowKind, value: Callable[[str, Any, dict[str, Any]], Any]) -> Row:
    """A row of the columns' cells, as it was before it was spread over them."""
    failed = bool(cells["error"])
    row: Row = {}
    for name in CLAUSE if kind == "clauses" else DOCUMENT:
        if name in ("document", "error"):
            row[name] = value(name, cells[name], cells) if cells[name] else (None if name == "error" else "")
        elif failed:
            row[name] = None
        elif name in _SPREAD:
            number = float if name == "scores" else int
            row[name] = {p: number(cells[_SPREAD[name] + p]) for p in NAMES}
        else:
            row[name] = value(name, cells[name], cells)
    return row


# Parquet


def schema(kind: RowKind) -> Any:
    """The pyarrow schema of the rows."""
    pa = arrow()
    texts = pa.list_(pa.string())
    types = {
        **dict.fromkeys(_NUMBERS, pa.int64()),
        **dict.fromkeys(_LISTS, texts),
        "evidence": pa.list_(
            pa.struct([("practice", pa.string()), ("start", pa.int64()), ("end", pa.int64())])
        ),
    }

    def type_of(column: str) -> Any:
        if column.startswith("score_"):
            return pa.float64()
        if column.startswith(("count_", "denied_count_")):
            return pa.int64()
        return types.get(column, pa.string())

    return pa.schema([(column, type_of(column)) for column in columns(kind)])


def table(rows: Sequence[Row], kind: RowKind) -> Any:
    """Rows as a pyarrow Table of `schema`."""
    data: dict[str, list[Any]] = {column: [] for column in columns(kind)}
    for row in rows:
        for name, value in row.items():
            if name in _SPREAD:
                for p in NAMES:
                    data[_SPREAD[name] + p].append(None if value is None else value[p])
            elif name == "evidence" and value is not None:
                data[name].append(
                    [{"practice": p, "start": a, "end": b} for p, spans in value.items() for a, b in spans]
                )
            elif isinstance(value, str):
                data[name].append(_SURROGATE.sub("\ufffd", value))
            else:
                data[name].append(value)
    return arrow().table(data, schema=schema(kind))


def _batches(file: IO[bytes], of: Any) -> Iterator[Any]:
    """The record batches that `encoded` made."""
    pa = arrow()
    while length := file.read(8):
        yield pa.ipc.read_record_batch(pa.py_buffer(file.read(int.from_bytes(length, "little"))), of)


def _parquet(batches: Iterable[Any], path: Path, kind: RowKind) -> None:
    """Write the batches in groups of ROW_GROUP rows, however they are cut."""
    pa = arrow()
    import pyarrow.parquet

    with pyarrow.parquet.ParquetWriter(path, schema(kind), compression="zstd") as writer:

        def group(parts: Sequence[Any]) -> None:
            # In one piece: the writer begins pages where pieces do, and bytes would depend on the cuts.
            writer.write_table(pa.Table.from_batches(parts).combine_chunks(), row_group_size=ROW_GROUP)

        parts: list[Any] = []
        count = 0
        for batch in batches:
            while count + batch.num_rows >= ROW_GROUP:
                group([*parts, batch.slice(0, ROW_GROUP - count)])
                batch, parts, count = batch.slice(ROW_GROUP - count), [], 0
            if batch.num_rows:
                parts.append(batch)
                count += batch.num_rows
        if parts:
            group(parts)


def _read_parquet(path: Path, kind: RowKind) -> Iterator[Row]:
    arrow()
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=1024):
            for cells in batch.to_pylist():
                yield _row(cells, kind, _from_column)


def _from_column(name: str, value: Any, cells: dict[str, Any]) -> Any:
    if name != "evidence":
        return value
    spans: dict[str, list[list[int]]] = {label: [] for label in cells["labels"]}
    for span in value:
        spans[span["practice"]].append([span["start"], span["end"]])
    return spans
