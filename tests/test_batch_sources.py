"""Collections: what is read from folders, globs and tables, and what is said of what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict

from policyclf.batch import Collection, Column, Document, UsageError

TEXTS = ["We keep logs.", "お名前を\n取得します。", 'He said "no", twice;\r\nthen\tleft.', "", "=1+1"]


def read(*sources: Path | str, sentences: bool = False, **column: Any) -> list[Document]:
    collection = Collection(tuple(map(str, sources)), Column(**column), sentences)
    collection.scan()
    documents = list(collection.documents())
    assert [d.number for d in documents] == list(range(len(documents)))
    return documents


def jsonl(path: Path) -> None:
    lines = (json.dumps({"id": i, "text": t}, ensure_ascii=False) for i, t in enumerate(TEXTS))
    path.write_text("\n".join(lines), encoding="utf-8")


def csv_in(encoding: str, delimiter: str = ",") -> Callable[[Path], None]:
    def make(path: Path) -> None:
        import csv

        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(["id", "text"])
            writer.writerows(enumerate(TEXTS))

    return make


def parquet(path: Path) -> None:
    pq.write_table(pa.table({"id": range(len(TEXTS)), "text": TEXTS}), path, row_group_size=2)


def dictionary_parquet(path: Path) -> None:
    column = pa.array(TEXTS).dictionary_encode()
    pq.write_table(pa.table({"id": range(len(TEXTS)), "text": column}), path)


@pytest.mark.parametrize(
    ("name", "make", "encoding"),
    [
        ("a.jsonl", jsonl, None),
        ("a.ndjson", jsonl, None),
        ("a.csv", csv_in("utf-8"), None),
        ("a.csv", csv_in("utf-8-sig"), None),
        ("a.csv", csv_in("utf-16"), None),
        ("a.csv", csv_in("cp932"), "cp932"),
        ("a.csv", csv_in("euc_jp"), "euc_jp"),
        ("a.tsv", csv_in("utf-8", "\t"), None),
        ("a.parquet", parquet, None),
        ("a.parquet", dictionary_parquet, None),
    ],
)
def test_a_table_gives_its_texts(
    tmp_path: Path, name: str, make: Callable[[Path], None], encoding: str | None
) -> None:
    path = tmp_path / name
    make(path)
    documents = read(path, encoding=encoding, id="id")
    assert [(d.id, d.text, d.error) for d in documents] == [(str(i), t, None) for i, t in enumerate(TEXTS)]
    assert [d.id for d in read(path, encoding=encoding)] == [f"{path}:{i}" for i in range(1, 1 + len(TEXTS))]


def test_a_saved_dataset_and_its_splits(tmp_path: Path) -> None:
    rows = [f"sentence {i}" for i in range(1200)]
    one = Dataset.from_dict({"text": rows, "name": [f"n{i}" for i in range(1200)]})
    one.save_to_disk(tmp_path / "one", num_shards=2)
    documents = read(tmp_path / "one", id="name")
    assert [d.text for d in documents] == rows
    assert documents[1199].id == "n1199"
    two = DatasetDict({"train": one, "test": one.filter(lambda r: r["name"] in ("n3", "n4"))})
    two.save_to_disk(tmp_path / "two")
    documents = read(tmp_path / "two")
    assert [d.text for d in documents] == [*rows, "sentence 3", "sentence 4"]
    assert "test" in documents[-1].id


def test_a_folder_of_parquet_files_is_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("# a card", encoding="utf-8")
    for i in range(2):
        pq.write_table(pa.table({"text": [f"{i} a", f"{i} b"]}), tmp_path / "data" / f"train-{i}.parquet")
    assert [d.text for d in read(tmp_path)] == ["0 a", "0 b", "1 a", "1 b"]


def test_a_folder_gives_its_documents_sorted(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "a/b.txt", "c.png", ".hidden.txt", ".git/x.txt", "table.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("We keep logs.", encoding="utf-8")
    expected = [str(tmp_path / name) for name in ("a/b.txt", "a/z.md", "b.txt")]
    documents = read(tmp_path)
    assert [d.id for d in documents] == [d.path for d in documents] == expected
    scan = Collection((str(tmp_path),)).scan()
    assert (scan.files, scan.skipped) == (3, {".png": 1, ".csv": 1})
    assert scan.size == 3 * len("We keep logs.")


def test_globs_and_several_sources(tmp_path: Path) -> None:
    for name in ("b.txt", "a.md", "c.bin"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    jsonl(tmp_path / "t.jsonl")
    found = [Path(d.id).name for d in read(tmp_path / "t.jsonl", str(tmp_path / "*.*"))]
    assert found[len(TEXTS) :][:2] == ["a.md", "b.txt"]
    assert len(found) == 2 * len(TEXTS) + 2


def test_damaged_rows_are_errors_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good = json.dumps({"text": "good"}).encode()
    lines = [
        good, b'{"text": 3}', b'{"text": null}', b"[1]", b'{"text": "x', b"\xff\xfe", b"", b"[" * 100_000,
        good,
    ]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    documents = read(path)
    assert [d.text for d in documents] == ["good", *[None] * 6, "good"]
    for document, said in zip(
        documents[1:-1],
        ["no text but int", "is missing", "no JSON object but list", "no line of JSON", "utf-8", "recursion"],
        strict=True,
    ):
        assert document.error is not None
        assert said in document.error
    assert documents[-1].id == f"{path}:9"  # lines are counted as an editor does


def test_csv_in_another_encoding_names_the_option(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text\nplain\nお名前を取得します。\nplain\n".encode("cp932"))
    documents = read(path)
    assert [d.text for d in documents] == ["plain", None, "plain"]
    assert "--encoding" in (documents[1].error or "")


def test_a_cell_of_a_megabyte_and_a_short_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1," + "we " * 400_000 + "\n2\n3,end\n", encoding="utf-8")
    documents = read(path, id="id")
    assert [len(d.text or "") for d in documents] == [1_200_000, 0, 3]
    assert documents[1].error == "'text' is missing"
    import csv

    assert csv.field_size_limit() == 131072  # as it was


def test_a_table_that_is_cut_off_ends_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    table = pa.table({"text": [f"row {i}" for i in range(5000)]})
    with pa.ipc.new_stream(path, table.schema) as stream:
        stream.write_table(table, max_chunksize=1000)
    path.write_bytes(path.read_bytes()[:-30_000])
    documents = read(path)
    assert documents[0].text == "row 0"
    assert "cannot be read from here on" in (documents[-1].error or "")
    assert all(d.error is None for d in documents[:-1])
    damaged = tmp_path / "b.parquet"
    damaged.write_bytes(b"PAR1 is not enough")
    (only,) = read(damaged)
    assert "cannot be read from here on" in (only.error or "")


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        ("absent", {}, "no such file or folder"),
        ("empty", {}, "no documents in it"),
        ("*.nothing", {}, "no documents in it"),
        ("a.png", {}, "not supported"),
        ("a.jsonl", {"text": "body"}, "has no column 'body' (--column); its columns are 'id', 'text'"),
        ("a.csv", {"text": "body"}, "has no column 'body'"),
        ("a.parquet", {"text": "body"}, "has no column 'body'"),
        ("a.parquet", {"id": "name"}, "has no column 'name' (--id-column)"),
        ("a.parquet", {"text": "id"}, "does not hold text"),
        ("a.csv", {"encoding": "klingon"}, "no encoding is called 'klingon'"),
        ("a.txt", {"sentences": True}, "sentences are read from a column"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(
    tmp_path: Path, source: str, options: dict[str, Any], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.png").touch()
    (tmp_path / "a.txt").touch()
    jsonl(tmp_path / "a.jsonl")
    csv_in("utf-8")(tmp_path / "a.csv")
    parquet(tmp_path / "a.parquet")
    with pytest.raises(UsageError) as caught:
        read(tmp_path / source, **options)
    assert said in str(caught.value)


def test_the_digest_tells_sources_apart(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl")
    collection = Collection((str(tmp_path / "*.jsonl"),))
    before = collection.scan().digest
    assert collection.scan().digest == before
    (tmp_path / "b.jsonl").write_text('{"text": "x"}', encoding="utf-8")
    assert collection.scan().digest != before
