"""Batches that are killed, stopped, starved of disk or of workers end as if nothing had happened."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import policyclf
from policyclf.batch import Collection, Job, Labelling, formats, run
from policyclf.batch.chunks import Chunks
from policyclf.batch.workers import label_in_workers
from policyclf.classifier import shipped_model
from tests.batch_kills import collection, engine
from tests.batching import ROOT, policy, ran, started, written_policies


@pytest.fixture(scope="module")
def policies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_policies(tmp_path_factory.mktemp("policies"))


def descendants(pid: int) -> set[int]:
    parents = {}
    for folder in Path("/proc").iterdir():
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    found, size = {pid}, 0
    while len(found) > size:
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return b""


def gone(pids: set[int], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def many(tmp_path: Path) -> Path:
    path = tmp_path / "many.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(600):
            file.write(json.dumps({"text": policy(i % 50) + f"number {i}"}) + "\n")
    return path


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_real_runs_killed_and_stopped_end_as_if_nothing_had_happened(many: Path, tmp_path: Path) -> None:
    expected = tmp_path / "expected.jsonl"
    run(Job(Collection((str(many),)), expected, workers=0))
    out = tmp_path / "out.jsonl"
    arguments = (many, "-o", out, "--workers", 2, "--batch-size", 2)
    blows = 0
    for blow in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, "worker"):
        journal = out.with_name("out.jsonl.journal")
        before = journal.stat().st_size if journal.exists() else 0
        process = started(*arguments)
        while process.poll() is None and (not journal.exists() or journal.stat().st_size == before):
            time.sleep(0.01)
        below = descendants(process.pid)
        if process.poll() is not None:
            break
        if blow == "worker":
            workers: list[int] = []
            while not workers and process.poll() is None:
                below = descendants(process.pid)
                workers = [p for p in below if b"spawn_main" in command_of(p)]
            if not workers:  # on a slow machine the job is done by now
                process.communicate()
                break
            os.kill(workers[0], signal.SIGKILL)
            _, said = process.communicate()
            assert process.returncode == 0, said
        else:
            process.send_signal(blow)  # type: ignore[arg-type]
            _, said = process.communicate()
            if out.exists():  # the job was done before the blow fell
                break
            assert process.returncode == (130 if blow == signal.SIGINT else -signal.SIGKILL), said
            if blow == signal.SIGINT:
                assert b"the same command goes on" in said
        assert gone(below)  # no process of a job outlives it
        blows += 1
    assert blows >= 1  # all four, unless the machine is faster than the test
    code, said = ran(*arguments)
    assert code == 0, said
    assert out.read_bytes() == expected.read_bytes()


def test_200_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    done = killing(tmp_path, "random", 200)
    assert done["kills"] >= 200
    assert done["retry_kills"] >= 20


def test_a_kill_at_each_operation_on_a_file(tmp_path: Path) -> None:
    done = killing(tmp_path, "operations", 0)
    assert done["jobs"] == 3
    assert done["kills"] > 100


def killing(folder: Path, how: str, kills: int) -> dict[str, int]:
    command = [sys.executable, "-m", "tests.batch_kills", str(folder), how, str(kills)]
    done = subprocess.run(command, check=False, capture_output=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_a_full_disk_is_said_and_survived(tmp_path: Path, form: formats.Format) -> None:
    job = Job(collection(tmp_path, 200), tmp_path / f"out.{form}", engine=engine(), batch=20)
    whole = replace(job, out=tmp_path / f"whole.{form}")
    run(whole)
    size = whole.out.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    failures = 0
    try:
        for share in (0.2, 0.5, 0.9):
            # The kernel cuts the write in which a file grows beyond the limit, as a full disk does.
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * share), hard))
            with pytest.raises(OSError, match="too large"):
                run(job)
            failures += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert failures == 3
    assert not job.out.exists()
    run(job)
    assert job.out.read_bytes() == whole.out.read_bytes()


def test_the_command_says_what_to_do_about_a_full_disk(policies: Path, tmp_path: Path) -> None:
    code, said = ran(
        policies, "-o", tmp_path / "out.jsonl", "--workers", 0,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)),
    )  # fmt: skip
    assert code == 1
    assert "File too large; what is done is kept: the same command goes on" in said
    assert ran(policies, "-o", tmp_path / "out.jsonl", "--workers", 0)[0] == 1  # zipped.txt alone


# Workers


def test_a_document_on_which_workers_die_is_an_error_row(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    texts = ["We collect it.", "CRASH", "We keep it.", "お名前を取得します。"]
    source.write_text("\n".join(json.dumps({"text": t}) for t in texts), encoding="utf-8")
    # Workers import this before they load the model; the rest is as ever.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal\n"
        "import policyclf.classifier as c\n"
        "read = c.Classifier.classify\n"
        "def classify(self, text):\n"
        "    if 'CRASH' in text: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return read(self, text)\n"
        "c.Classifier.classify = classify\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    code, said = ran(source, "-o", tmp_path / "out.jsonl", "--workers", 2, env=environment)
    assert code == 1, said
    rows = [json.loads(text) for text in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [row["text"] for row in rows] == [texts[0], None, *texts[2:]]
    assert "died on it, 2 times" in rows[1]["error"]


def test_a_model_that_cannot_be_loaded_ends_the_job(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_bytes((shipped_model() / "config.json").read_bytes())
    job = Job(collection(tmp_path, 5), tmp_path / "out.jsonl", Labelling(model=str(model)), workers=1)
    with pytest.raises(policyclf.ModelError, match="is incomplete"):
        run(job)


def test_results_come_in_order_and_workers_end(tmp_path: Path) -> None:
    source = collection(tmp_path, 8)
    documents = list(source.documents())
    chunks = Chunks(source, 1)
    results = label_in_workers(chunks, Labelling(), 2)
    first = next(results)
    assert json.loads(first.data or b'{"document": null}')["document"] is None  # p0 has no clauses
    results.close()
    told = b"".join(r.data for r in label_in_workers(chunks, Labelling(), 2))
    names = [json.loads(text)["document"] for text in told.splitlines()]
    assert sorted(names, key=[d.id for d in documents].index) == names
    assert len(set(names)) == 7
