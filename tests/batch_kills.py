"""Runs batches and kills them: `python -m tests.batch_kills FOLDER random|operations SEED`.

Each run is a child of this process, which has no threads and has loaded no model, so that
forking one is safe and takes milliseconds. Prints what was done as JSON; fails where a
job that was killed and run again does not end with the bytes of one that was not.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from policyclf import Classifier, Clause, Practice, Span
from policyclf.batch import Collection, Document, Job, Labelling, Result, run, stage
from policyclf.batch.labelling import Labeller

FORMATS = ("jsonl", "csv", "parquet")


class Lines:
    """Stands for a classifier where what is tested is what becomes of clauses: every line is one.

    A text that says FAIL fails while the file `broken` is there.
    """

    def __init__(self, broken: Path | None = None) -> None:
        self._broken = broken

    def classify(self, given: str | list[str]) -> list[Clause]:
        text = given if isinstance(given, str) else given[0]
        if "FAIL" in text and self._broken is not None and self._broken.exists():
            raise RuntimeError("it says FAIL")
        clauses, at = [], 0
        for i, line in enumerate(text.split("\n") if isinstance(given, str) else [text]):
            if line:
                practice = list(Practice)[i % 12]
                clauses.append(
                    Clause(
                        line, at, at + len(line), "sentence", "en", (practice,), (practice,) * (i % 2),
                        {p: (i + 1) / (2 + i + j) for j, p in enumerate(Practice)},
                        {practice: (Span(at, at + 1),)},
                    )
                )  # fmt: skip
            at += len(line) + 1
        return clauses


def engine(
    broken: Path | None = None, pause: float = 0.0
) -> Callable[[Iterable[list[Document]], Labelling], Generator[Result]]:
    """An engine that labels with `Lines`, here."""

    def label(chunks: Iterable[list[Document]], labelling: Labelling) -> Generator[Result]:
        labeller = Labeller(labelling, cast(Classifier, Lines(broken)))
        with closing(cast(Generator[list[Document]], iter(chunks))) as each:
            for chunk in each:
                time.sleep(pause)
                yield labeller(chunk)

    return label


def collection(folder: Path, documents: int) -> Collection:
    """Documents in a table, some that are empty, some that fail, one row that is no document."""
    rng = random.Random(documents)
    path = folder / "policies.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for i in range(documents):
            text = "\n".join(f"=clause {i} {j} お名前" + "x" * rng.randrange(60) for j in range(i % 7))
            text += "FAIL" * (i % 10 == 4)
            file.write(json.dumps({"id": f"p{i}", "text": text}) + "\n")
            if i == documents // 2:
                file.write('{"text": \n')
    return Collection((str(path),))


def child(work: Callable[[], object]) -> int:
    """Start `work` in a process of its own; its id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def ended(pid: int) -> bool:
    """Whether the child came to its end; False where it was killed, an error where it failed."""
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def jobs(folder: Path, documents: int) -> list[tuple[Job, bytes, bytes]]:
    """A job for each format, its output, and its output after its errors were tried again."""
    found = []
    broken = folder / "broken"
    source = collection(folder, documents)
    for rows in ("clauses", "documents"):
        for form in FORMATS:
            broken.touch()
            job = Job(
                source, folder / f"expected-{rows}.{form}", Labelling(rows=rows),  # type: ignore[arg-type]
                engine=engine(broken), batch=5,
            )  # fmt: skip
            run(job)
            first = job.out.read_bytes()
            broken.unlink()
            run(replace(job, retry_errors=True))
            found.append((job, first, job.out.read_bytes()))
            assert found[-1][1] != found[-1][2]
    return found


def whole(job: Job, expected: bytes) -> None:
    assert job.out.read_bytes() == expected, job.out
    left = {path.name for path in job.out.parent.iterdir()}
    assert left == {job.out.name, job.out.name + ".journal"}, left


def killed_at_random(folder: Path, seed: int, kills: int) -> dict[str, int]:
    """Kill runs after a random while, each job until it is done, first labelled and then retried."""
    rng = random.Random(seed)
    done = {"kills": 0, "jobs": 0, "retry_kills": 0}
    known = jobs(folder, 60)
    stage.SECONDS = 0.01
    broken = folder / "broken"
    while done["kills"] < kills:
        template, first, second = known[done["jobs"] % len(known)]
        place = folder / str(done["jobs"])
        place.mkdir()
        job = replace(template, out=place / template.out.name, engine=engine(broken, 0.001))
        broken.touch()
        start = time.monotonic()
        assert ended(child(lambda job=job: run(job)))  # type: ignore[misc]
        usual = time.monotonic() - start
        whole(job, first)
        for path in place.iterdir():
            path.unlink()
        done["kills"] += killed_until_done(lambda job=job: run(job), usual, rng)  # type: ignore[misc]
        whole(job, first)
        broken.unlink()
        again = replace(job, retry_errors=True)
        retry_kills = killed_until_done(lambda job=again: run(job), usual, rng)  # type: ignore[misc]
        whole(job, second)
        done["kills"] += retry_kills
        done["retry_kills"] += retry_kills
        done["jobs"] += 1
    return done


def killed_until_done(work: Callable[[], object], usual: float, rng: random.Random) -> int:
    kills = 0
    while True:
        pid = child(work)
        time.sleep(rng.uniform(0, usual * 1.1))
        os.kill(pid, signal.SIGKILL)  # a child that has ended is a zombie still
        if ended(pid):
            return kills
        kills += 1


def killed_at_each_operation(folder: Path) -> dict[str, int]:
    """Kill a run at its first operation on a file, at its second, and so on; in the middle of writes."""
    done = {"kills": 0, "jobs": 0}
    stage.SECONDS = 0.0  # a commit after every chunk
    # A kill, unlike a power cut, loses nothing that was written: forcing it to the disk only takes time.
    os.fsync = lambda descriptor: None
    broken = folder / "broken"
    for template, first, second in jobs(folder, 12)[::2]:
        for number in range(1, 10_000):
            place = folder / f"{done['jobs']}-{number}"
            place.mkdir()
            job = replace(template, out=place / template.out.name)
            broken.touch()
            died = not ended(child(lambda job=job, n=number: (dying_at(n), run(job))))  # type: ignore[misc]
            run(job)
            whole(job, first)
            broken.unlink()
            again = replace(job, retry_errors=True)
            died_again = not ended(child(lambda job=again, n=number: (dying_at(n), run(job))))  # type: ignore[misc]
            run(again)
            whole(job, second)
            done["kills"] += died + died_again
            if not died and not died_again:
                break
        done["jobs"] += 1
    return done


def dying_at(number: int) -> None:
    """Let this process kill itself at its `number`th operation on a file."""
    left = number

    def counted(target: Any, name: str, half: Callable[..., object] | None = None) -> None:
        original = getattr(target, name)

        def operation(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                if half is not None:
                    half(original, *arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **named)

        setattr(target, name, operation)

    counted(stage, "_write_all", lambda write, file, data: write(file, data[: len(data) // 2]))
    for target, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "open")):
        counted(target, name)


if __name__ == "__main__":
    where, how, seed_or_kills = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    if how == "random":
        print(json.dumps(killed_at_random(where, 1, seed_or_kills)))
    else:
        print(json.dumps(killed_at_each_operation(where)))
