"""The three formats hold the same rows; a spreadsheet runs none of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policyclf
from policyclf.batch import UsageError, formats
from policyclf.batch.rows import CLAUSE, clause_rows, document_row, error_row

POLICY = """# Sharing

We do not sell your data. We share it with printers, by post:

- your name
- =HYPERLINK("http://x.example","click")

当社は、お名前を取得します。第三者に提供しません。
"""
FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "＝1", "＋1", "－1", "＠1", "\ufeff=1", "'=1"
]  # fmt: skip


def rows(kind: str) -> list[dict[str, Any]]:
    clauses = policyclf.classify(POLICY)
    if kind == "documents":
        return [
            document_row("a", len(POLICY), clauses),
            error_row("b", "no such file", "documents"),
            document_row("", 0, []),
        ]
    sentences = policyclf.classify([*FORMULAS, "", "a;b", 'He said "no"\r\nand, 🍪 left\x00\x07'])
    return [
        *clause_rows("=cmd", clauses),
        error_row("'quoted", "=an error", "clauses"),
        *clause_rows("方針.txt", sentences),
    ]


def written(folder: Path, given_rows: list[dict[str, Any]], form: formats.Format, kind: Any) -> Path:
    partial, out = folder / "rows.partial", folder / f"rows.{form}"
    # appended piece by piece, as a job does
    pieces = [formats.encoded(given_rows[i : i + 3], form, kind) for i in range(0, len(given_rows), 3)]
    partial.write_bytes(formats.preamble(form, kind) + b"".join(pieces))
    formats.write(partial, out, form, kind)
    return out


@pytest.mark.parametrize("kind", ["clauses", "documents"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_what_is_written_is_read_back(tmp_path: Path, form: formats.Format, kind: Any) -> None:
    expected = rows(kind)
    out = written(tmp_path, expected, form, kind)
    found = list(formats.read(out, form, kind))
    assert found == expected
    assert [list(row) for row in found] == [list(row) for row in expected]
    whole = tmp_path / "whole"
    whole.write_bytes(formats.preamble(form, kind) + formats.encoded(expected, form, kind))
    formats.write(whole, tmp_path / "again", form, kind)
    assert (tmp_path / "again").read_bytes() == out.read_bytes()


def test_a_clause_row_is_the_clause() -> None:
    clauses = policyclf.classify(POLICY)
    found = list(clause_rows("a", clauses))
    assert [tuple(row) for row in found] == [CLAUSE] * len(clauses)
    for i, (row, clause) in enumerate(zip(found, clauses, strict=True)):
        assert row == {"document": "a", "clause": i, **clause.to_dict(), "error": None}


def test_a_document_row_counts_its_clauses() -> None:
    clauses = policyclf.classify(POLICY)
    row = document_row("a", len(POLICY), clauses)
    stated = [label for c in clauses for label in c.labels if label not in c.denied]
    denied = [label for c in clauses for label in c.denied]
    assert row["counts"] == {p.value: stated.count(p) for p in policyclf.Practice}
    assert row["denied_counts"] == {p.value: denied.count(p) for p in policyclf.Practice}
    assert set(row["practices"]) == {p.value for p in stated}
    assert set(row["denied"]) == {p.value for p in denied}
    assert (row["clauses"], row["characters"]) == (len(clauses), len(POLICY))
    assert row["languages"] == ["en", "ja"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_survives_csv_and_parquet(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    (clause,) = policyclf.classify(["We keep logs."])
    given_rows = [
        {"document": t, "clause": i, **clause.to_dict(), "text": t, "error": None}
        for i, t in enumerate(texts)
    ]
    folder = tmp_path_factory.mktemp("any")
    for form in ("csv", "parquet"):
        out = written(folder, given_rows, form, "clauses")  # type: ignore[arg-type]
        assert list(formats.read(out, form, "clauses")) == given_rows  # type: ignore[arg-type]


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    for kind in ("clauses", "documents"):
        out = written(tmp_path, rows(kind), "csv", kind)
        assert out.read_bytes().startswith(b"\xef\xbb\xbf")  # by which spreadsheets know UTF-8
        with out.open(encoding="utf-8-sig", newline="") as file:
            for cells in csv.reader(file):
                for cell in cells:
                    bare = cell.lstrip("\ufeff\u200b\u2060 \t\r\n\u3000")
                    assert not bare.startswith(tuple("=+-@＝＋－＠"))
                    assert bare == cell or not bare


def test_half_a_surrogate_pair_keeps_its_place(tmp_path: Path) -> None:
    (clause,) = policyclf.classify(["lone \ud800 surrogate."])
    given_rows = list(clause_rows("a", [clause]))
    whole = written(tmp_path, given_rows, "jsonl", "clauses")
    assert list(formats.read(whole, "jsonl", "clauses")) == given_rows
    for form in ("csv", "parquet"):
        out = written(tmp_path, given_rows, form, "clauses")  # type: ignore[arg-type]
        (row,) = formats.read(out, form, "clauses")  # type: ignore[arg-type]
        assert row == {**given_rows[0], "text": "lone \ufffd surrogate."}


def test_parquet_has_bounded_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clause,) = policyclf.classify(["We keep logs."])
    row = next(clause_rows("a", [clause]))
    monkeypatch.setattr(formats, "ROW_GROUP", 100)
    out = written(tmp_path, [row] * 205, "parquet", "clauses")
    metadata = pq.read_metadata(out)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [100, 100, 5]
    assert pq.read_schema(out).equals(formats.schema("clauses"))
    assert pq.read_table(out, columns=["score_data_retention"]).num_rows == 205


def test_no_rows_at_all(tmp_path: Path) -> None:
    for form in ("jsonl", "csv", "parquet"):
        out = written(tmp_path, [], form, "clauses")  # type: ignore[arg-type]
        assert list(formats.read(out, form, "clauses")) == []  # type: ignore[arg-type]


def test_the_name_of_the_output_tells_the_format() -> None:
    assert formats.format_of(Path("a.CSV"), None) == "csv"
    assert formats.format_of(Path("a.dat"), "parquet") == "parquet"
    with pytest.raises(UsageError, match=r"call it \.jsonl, \.csv or \.parquet"):
        formats.format_of(Path("a.xlsx"), None)


def test_json_lines_are_json(tmp_path: Path) -> None:
    out = written(tmp_path, rows("clauses"), "jsonl", "clauses")
    lines = out.read_text(encoding="utf-8").splitlines()
    assert [json.loads(text) for text in lines] == rows("clauses")
    assert "方針.txt" in lines[-1]
