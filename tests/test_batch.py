"""`policyclf batch`: what it writes, how it goes on, what it refuses, what it shows."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import sys
import termios
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import policyclf
from policyclf.batch import Collection, Job, Labelling, UsageError, formats, run, stage
from policyclf.batch.progress import Lines
from policyclf.batch.rows import clause_rows, document_row
from policyclf.batch.stage import Counts
from policyclf.classifier import shipped_model
from policyclf.cli import main
from tests.batch_kills import collection, engine
from tests.batching import ROOT, SENTENCES, started, written_policies


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_policies(tmp_path_factory.mktemp("policies"))


def expected_rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(folder.iterdir()):
        if path.name == "zipped.txt":
            continue
        text = path.read_text(encoding="utf-8")
        clauses = policyclf.load(threads=1).classify(text)
        if kind == "documents":
            found.append(document_row(str(path), len(text), clauses))
        else:
            found += clause_rows(str(path), clauses)
    return found


@pytest.mark.parametrize("kind", ["clauses", "documents"])
def test_the_rows_are_what_classify_says_and_a_bad_file_is_a_row(
    policies: Path, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    assert main(["batch", str(policies), "-o", str(out), "--rows", kind, "--workers", "0"]) == 1
    rows = [json.loads(text) for text in out.read_bytes().splitlines()]
    assert [row for row in rows if row["error"] is None] == expected_rows(policies, kind)
    (failed,) = (row for row in rows if row["error"] is not None)
    assert failed["document"] == str(policies / "zipped.txt")
    assert "a ZIP archive or an Office file" in failed["error"]
    assert "1 documents failed" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"out.jsonl", "out.jsonl.journal"}


def test_the_same_bytes_whatever_the_workers_and_the_batch_size(policies: Path, tmp_path: Path) -> None:
    source = Collection((str(policies),))
    outputs: dict[str, set[bytes]] = {}
    for form, workers, size in (
        ("jsonl", 0, 256), ("jsonl", 1, 1), ("jsonl", 2, 3),
        ("csv", 0, 256), ("csv", 0, 1),
        ("parquet", 0, 256), ("parquet", 2, 5),
    ):  # fmt: skip
        out = tmp_path / f"{workers}-{size}.{form}"
        assert run(Job(source, out, workers=workers, batch=size)).errors == 1
        outputs.setdefault(form, set()).add(out.read_bytes())
    assert {form: len(found) for form, found in outputs.items()} == {"jsonl": 1, "csv": 1, "parquet": 1}


def test_sentences_of_a_column(tmp_path: Path) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "out.parquet"
    texts = [*SENTENCES, "", "  ", "One. Two."]
    rows = ({"body": t, "key": f"k{i}"} for i, t in enumerate(texts))
    source.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    options = ["--workers", "0", "--unit", "sentence", "--column", "body", "--id-column", "key"]
    assert main(["batch", str(source), "-o", str(out), *options]) == 0
    clauses = policyclf.load(threads=1).classify(texts)
    expected = [row for i, c in enumerate(clauses) for row in clause_rows(f"k{i}", [c])]
    assert list(formats.read(out, "parquet", "clauses")) == expected


def test_a_second_run_has_nothing_to_do(policies: Path, tmp_path: Path) -> None:
    job = Job(Collection((str(policies),)), tmp_path / "out.csv", workers=0)
    first = run(job)
    before = job.out.stat().st_mtime_ns
    second = run(replace(job, engine=lambda chunks, labelling: pytest.fail("labelled again")))
    assert job.out.stat().st_mtime_ns == before
    assert replace(first, seconds=0) == replace(second, seconds=0)


# Going on, and refusing to


def stopped(job: Job, after: int) -> Job:
    """The job, stopped after so many results."""

    def label(chunks: Any, labelling: Labelling) -> Any:
        with closing(engine()(chunks, labelling)) as results:
            for i, result in enumerate(results):
                if i == after:
                    raise KeyboardInterrupt
                yield result

    with pytest.raises(KeyboardInterrupt):
        run(replace(job, engine=label))
    return job


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    monkeypatch.setattr(stage, "SECONDS", 0.0)
    return stopped(Job(collection(tmp_path, 40), tmp_path / "out.jsonl", engine=engine(), batch=3), 5)


def test_it_goes_on_where_it_stopped(interrupted: Job, tmp_path: Path) -> None:
    seen: list[int] = []

    def label(chunks: Any, labelling: Labelling) -> Any:
        seen.extend(document.number for chunk in chunks for document in chunk)
        yield from engine()(chunks, labelling)

    run(replace(interrupted, engine=label, batch=7))
    assert seen == list(range(15, 41))
    whole = replace(interrupted, out=tmp_path / "whole.jsonl")
    run(whole)
    assert interrupted.out.read_bytes() == whole.out.read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labelling": Labelling(thresholds="recall")}, "thresholds: balanced then, recall now"),
        ({"labelling": Labelling(rows="documents")}, "rows: clauses then, documents now"),
        ({"form": "csv"}, "format: jsonl then, csv now"),
    ],
)
def test_it_refuses_to_go_on_as_another_job(interrupted: Job, change: dict[str, Any], said: str) -> None:
    before = interrupted.out.with_name("out.jsonl.partial").read_bytes()
    changed = replace(interrupted, **change)
    with pytest.raises(UsageError, match=said):
        run(changed)
    assert interrupted.out.with_name("out.jsonl.partial").read_bytes() == before
    if "thresholds" not in said:  # the rows so far cannot be part of such an output
        with pytest.raises(UsageError, match=r"\); --restart begins anew$"):
            run(replace(changed, force=True))
    else:
        run(replace(stopped(replace(changed, force=True), 2), force=False))  # told once, it is that job


def test_another_model_or_other_sources_are_another_job(interrupted: Job, tmp_path: Path) -> None:
    other = tmp_path / "model"
    other.mkdir()
    config = json.loads((shipped_model() / "config.json").read_text(encoding="utf-8"))
    (other / "config.json").write_text(json.dumps({**config, "name": "other"}), encoding="utf-8")
    with pytest.raises(UsageError, match=r"model: .* then, other .* now"):
        run(replace(interrupted, labelling=Labelling(model=str(other))))
    with (tmp_path / "policies.jsonl").open("a") as file:
        file.write('{"text": "one more"}\n')
    with pytest.raises(UsageError, match="sources: "):
        run(interrupted)
    assert run(replace(interrupted, force=True)).documents == 42
    assert run(replace(interrupted, restart=True)).documents == 42


def test_what_stands_there_is_not_overwritten(tmp_path: Path) -> None:
    job = Job(collection(tmp_path, 5), tmp_path / "out.jsonl", engine=engine())
    job.out.write_text("precious", encoding="utf-8")
    with pytest.raises(UsageError, match="exists already"):
        run(job)
    assert job.out.read_text(encoding="utf-8") == "precious"
    assert not job.out.with_name("out.jsonl.journal").exists()
    stopped(replace(job, restart=True), 0)
    assert job.out.read_text(encoding="utf-8") == "precious"  # until the new one is whole
    run(job)
    assert job.out.read_text(encoding="utf-8") != "precious"
    with pytest.raises(UsageError, match="as another job"):
        run(replace(job, labelling=Labelling(thresholds="recall"), force=True))
    job.out.unlink()
    assert run(job).documents == 6  # taken away, it is made anew


def test_an_output_is_no_source(tmp_path: Path) -> None:
    source = collection(tmp_path, 5).sources[0]
    with pytest.raises(UsageError, match="is one of the sources"):
        run(Job(Collection((source,)), Path(source), engine=engine(), restart=True))


def test_two_runs_at_once(interrupted: Job) -> None:
    def label(chunks: Any, labelling: Labelling) -> Any:
        with pytest.raises(UsageError, match="is in use"):
            run(interrupted)
        yield from engine()(chunks, labelling)

    run(replace(interrupted, engine=label))


@pytest.mark.parametrize("damage", ["short", "absent", "journal"])
def test_a_damaged_partial_is_said_so(interrupted: Job, damage: str) -> None:
    partial_file = interrupted.out.with_name("out.jsonl.partial")
    journal = interrupted.out.with_name("out.jsonl.journal")
    if damage == "short":
        os.truncate(partial_file, 10)
    elif damage == "absent":
        partial_file.unlink()
    else:
        journal.write_bytes(journal.read_bytes().replace(b'{"counts"', b'{"cou', 1))
    with pytest.raises(policyclf.FileError, match="--restart begins anew"):
        run(interrupted)
    assert run(replace(interrupted, restart=True)).documents == 41


def test_errors_are_tried_again_when_the_files_are_mended(policies: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "copy", tmp_path / "out.csv"
    folder.mkdir()
    for path in policies.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    arguments = [folder, "-o", out, "--workers", "0"]
    assert main(["batch", *map(str, arguments)]) == 1
    assert main(["batch", *map(str, arguments), "--retry-errors"]) == 1  # it is still what it was
    (folder / "zipped.txt").write_text("Café: we collect your name. We keep it.", encoding="utf-8")
    assert main(["batch", *map(str, arguments)]) == 2  # the sources are others
    assert main(["batch", *map(str, arguments), "--retry-errors"]) == 0
    rows = list(formats.read(out, "csv", "clauses"))
    assert [row["text"] for row in rows][-2:] == ["Café: we collect your name.", "We keep it."]
    fresh = tmp_path / "fresh.csv"
    assert main(["batch", str(folder), "-o", str(fresh), "--workers", "0"]) == 0
    assert fresh.read_bytes() == out.read_bytes()
    assert main(["batch", *map(str, arguments)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "copy", "out.csv", "out.csv.journal", "fresh.csv", "fresh.csv.journal"
    }  # fmt: skip


def test_errors_are_not_tried_on_other_documents(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    job = Job(collection(tmp_path, 20), tmp_path / "out.jsonl", engine=engine(broken))
    assert run(job).errors == 3
    before = job.out.read_bytes()
    source = tmp_path / "policies.jsonl"
    source.write_bytes(b'{"text": "new"}\n' + source.read_bytes())
    with pytest.raises(UsageError, match="the sources have changed"):
        run(replace(job, retry_errors=True))
    assert job.out.read_bytes() == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["absent", "-o", "out.jsonl"],
        ["{policies}", "-o", "out.xlsx"],
        ["{policies}", "-o", "absent/out.jsonl"],
        ["{policies}"],
        ["-o", "out.jsonl"],
        ["{policies}", "-o", "out.jsonl", "--workers", "-1"],
        ["{policies}", "-o", "out.jsonl", "--batch-size", "0"],
        ["{policies}", "-o", "out.jsonl", "--address", "auto"],
        ["{policies}", "-o", "out.jsonl", "--unit", "sentence"],
    ],
)
def test_wrong_arguments_exit_2(
    policies: Path, tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [argument.format(policies=policies) for argument in arguments]
    try:
        code = main(["batch", *given])
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    assert code == 2
    assert not list(tmp_path.iterdir())


# Progress


def test_a_log_gets_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    lines = Lines(sys.stderr)
    scan = replace(Collection((str(ROOT / "examples"),)).scan(), size=1000)
    lines.begin(scan, Counts(documents=1, clauses=10, size=100))
    for second in range(1, 101):
        now = float(second)
        lines.update(Counts(documents=1 + second, clauses=10 + 5 * second, errors=2, size=100 + 5 * second))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "going on after 1 documents"
    assert said[1] == " 15.0%  11 documents  1.0 documents/s  5 clauses/s  2 errors  0:02:50 left"
    assert len(said) == 1 + 3  # after 10, 30 and 70 seconds


def test_a_terminal_gets_a_bar(policies: Path, tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    out = tmp_path / "out.jsonl"
    process = started(policies, "-o", out, "--workers", 0, "--batch-size", 1, stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    assert process.wait() == 1
    assert b"100%" in said
    assert b"clauses/s" in said
    assert b"12 documents" in said or b"13 documents" in said
