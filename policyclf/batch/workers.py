"""Worker processes of one machine: they share nothing but the model's file.

Each worker loads the model and labels one chunk at a time, on one thread. Results come
back in the order of the chunks, however long each takes, and only so many chunks are
under way that the memory they take is bounded. A worker that dies (out of memory, a
crash in native code) is replaced; its chunk is tried again a document at a time, and a
document on which a worker dies twice becomes an error row.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from policyclf.batch.chunks import Chunks
from policyclf.batch.documents import Document
from policyclf.batch.labelling import Labeller, Labelling, Result, failed, together

__all__ = ["label_here", "label_in_workers", "processors"]

DEATHS = 2  # of workers on one document, after which it is an error
AHEAD = 4  # chunks for each worker that may be under way or waiting for an earlier one


def processors() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def label_here(chunks: Chunks, labelling: Labelling) -> Generator[Result]:
    """The result of each chunk in turn, in this process."""
    with closing(iter(chunks)) as each:
        yield from map(Labeller(labelling), each)


def label_in_workers(chunks: Chunks, labelling: Labelling, workers: int) -> Generator[Result]:
    """The result of each chunk in turn, from `workers` processes.

    Closing the generator ends the processes. Raises what loading the model raises.
    """
    pool = _Pool(labelling, workers)
    try:
        with closing(iter(chunks)) as each:
            yield from pool.results(each)
    finally:
        pool.close()


@dataclass(slots=True)
class _Task:
    """Documents for one worker: a chunk, or one document of a chunk on which a worker died."""

    chunk: int
    part: int
    documents: list[Document]
    deaths: int = 0


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    task: _Task | None = None
    ready: bool = False  # the model is loaded


@dataclass(slots=True)
class _Parts:
    """The results of a chunk, as far as they are there."""

    results: list[Result | None] = field(default_factory=lambda: [None])


class _Pool:
    def __init__(self, labelling: Labelling, workers: int) -> None:
        self._labelling = labelling
        # Spawned, not forked: the caller may have threads, and every system can do it.
        self._context = multiprocessing.get_context("spawn")
        self._again: deque[_Task] = deque()
        self._died_loading = 0  # workers, one after another
        self._chunks: dict[int, _Parts] = {}  # handed out, not yet yielded
        self._workers = [self._started() for _ in range(workers)]

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for worker in self._workers:
            worker.connection.close()
            if worker.task is not None or not worker.ready:
                worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.process.close()
        self._workers = []

    def results(self, chunks: Iterator[list[Document]]) -> Iterator[Result]:
        """The results in the chunks' order."""
        ahead = AHEAD * len(self._workers)
        first = last = 0  # chunks [first, last) are under way
        more = True
        while True:
            for worker in self._workers:
                if not worker.ready or worker.task is not None:
                    continue
                if not self._again and more and last - first < ahead:
                    chunk = next(chunks, None)
                    if chunk is None:
                        more = False
                    else:
                        self._again.append(_Task(last, 0, chunk))
                        self._chunks[last] = _Parts()
                        last += 1
                if self._again:
                    self._send(worker, self._again.popleft())
            if not more and first == last:
                return
            self._collect()
            while first < last and None not in (parts := self._chunks[first].results):
                del self._chunks[first]
                first += 1
                yield together([result for result in parts if result is not None])

    def _started(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._labelling), name="policyclf worker", daemon=True
        )
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _send(self, worker: _Worker, task: _Task) -> None:
        # Only an idle worker is sent something: it is listening, so neither end can block the other.
        worker.task = task
        try:
            worker.connection.send(task.documents)
        except OSError:
            self._replace(worker)

    def _collect(self) -> None:
        """Wait until a worker has something to say, or has died."""
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]  # type: ignore[index]
            try:
                said = worker.connection.recv()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            if isinstance(said, BaseException):
                raise said
            if said is None:
                worker.ready = True
                self._died_loading = 0
                continue
            task = worker.task
            if task is not None:
                self._chunks[task.chunk].results[task.part] = said
            worker.task = None

    def _replace(self, worker: _Worker) -> None:
        """Another worker in the place of one that died; what it was at is tried again."""
        worker.connection.close()
        worker.process.join()
        code = worker.process.exitcode
        worker.process.close()
        self._died_loading += not worker.ready
        if self._died_loading > DEATHS:
            raise ChildProcessError(f"worker processes die while they load the model (exit code {code})")
        task = worker.task
        self._workers[self._workers.index(worker)] = self._started()
        if task is None:
            return
        if len(task.documents) > 1:
            self._chunks[task.chunk].results = [None] * len(task.documents)
            self._again.extend(_Task(task.chunk, i, [d]) for i, d in enumerate(task.documents))
            return
        task.deaths += 1
        if task.deaths < DEATHS:
            self._again.append(task)
            return
        message = f"the worker process died on it, {DEATHS} times (exit code {code}): out of memory?"
        result = failed(task.documents[0], message, self._labelling)
        self._chunks[task.chunk].results[task.part] = result


def _work(connection: Connection, labelling: Labelling) -> None:
    """A worker's life: load the model, then label what comes until the other end is closed."""
    # Ctrl-C on a terminal goes to every process of the job; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One worker, one processor; this process is ours, and tokenizers is not loaded yet.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        labeller = Labeller(labelling)
    except Exception as error:
        connection.send(error)
        return
    try:
        connection.send(None)
        while True:
            connection.send(labeller(connection.recv()))
    except (EOFError, OSError):
        return  # the job has ended, or was killed
