"""How fast batches are, and what they hold in memory.

    python -m training.batch_speed FOLDER [--documents 500] [--workers 2] [--part PART]

FOLDER holds real policies (.txt, however deep). Four parts, each printed as Markdown:

`model`    the same policies through the network alone (windows prepared beforehand, as
           many processes) and through `policyclf batch`, in turns: what share of the
           network's own throughput is left end to end, by wall clock and by processor time
`growth`   100, 1,000 and 10,000 documents of 500 characters: speed, peak memory
`repeats`  what share of the tokens has been read before, as FOLDER is, and where every
           policy is followed by its next version (a line left out)
`sentences` single sentences of a column, clauses in context, rows' bytes: for planning

Processor time stands beside wall clock because other work on the machine slows only the
latter; figures are for the machine and the model at hand.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from policyclf.batch import formats
from policyclf.batch.labelling import REMEMBERED
from policyclf.classifier import Classifier, shipped_model
from policyclf.model import Model
from policyclf.recent import RecentOutputs
from policyclf.segmenting import segments

ROUNDS = 5
SLICE = 500  # characters of a document of `growth`
SENTENCES = 4000


class Windows(Model):
    """A model that notes the windows which it would run, and runs none."""

    def __init__(self) -> None:
        super().__init__(shipped_model(), 1)
        self.ids: list[NDArray[np.int64]] = []

    def _output(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        self.ids.append(ids)
        found = self.recent.get(ids) if self.recent else None
        if found is None:
            found = np.zeros((ids.shape[1], 4 * len(self.config.labels)), dtype=np.float32)
            if self.recent:
                self.recent.put(ids, found)
        return found


@dataclass(frozen=True)
class Run:
    """One run of the command: what it did, how long it took, what it held."""

    documents: int
    clauses: int
    size: int  # bytes of the output
    seconds: float
    processor: float  # seconds of processors, all processes together
    parent: int  # bytes at the peak
    worker: int  # bytes at the peak, of the largest worker


def batch(source: Sequence[Path], out: Path, workers: int, *options: str) -> Run:
    """Run `policyclf batch` and watch it."""
    command = [sys.executable, "-m", "policyclf", "batch", *map(str, source), "-o", str(out)]
    before, start = _processor(), time.monotonic()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([*command, "--workers", str(workers), *options], stderr=said)
        parent = worker = 0
        while process.poll() is None:
            parent = max(parent, _peak(process.pid))
            worker = max([worker, *map(_peak, _children(process.pid))])
            time.sleep(0.1)
        seconds = time.monotonic() - start
        if process.returncode:
            said.seek(0)
            sys.exit(said.read().decode())
    last = json.loads(out.with_name(out.name + ".journal").read_bytes().splitlines()[-2])["counts"]
    return Run(
        documents=last["documents"],
        clauses=last["clauses"],
        size=out.stat().st_size,
        seconds=seconds,
        processor=_processor() - before,
        parent=parent,
        worker=worker,
    )


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # it has just ended
    return 0


def _children(pid: int) -> list[int]:
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


# model: the network alone against the command


def model_share(files: Sequence[Path], workers: int, folder: Path) -> None:
    """Print both throughputs, measured in turns over parts of `files`."""
    alone = alone_processor = whole = whole_processor = 0.0
    clauses = tokens = 0
    for i in range(ROUNDS):
        part = files[i::ROUNDS]
        seconds, processor, n = _alone(part, workers)
        run = batch(part, folder / f"{i}.jsonl", workers)
        alone += seconds
        alone_processor += processor
        tokens += n
        whole += run.seconds
        whole_processor += run.processor
        clauses += run.clauses
        print(f"<!-- {i}: {seconds:.1f} s alone, {run.seconds:.1f} s whole -->", flush=True)
    print(f"{len(files)} policies, {clauses:,} clauses, {tokens:,} tokens, {workers} workers\n")
    print("| | seconds | processor seconds | clauses/s | policies/s |\n|---|---|---|---|---|")
    for name, seconds, processor in (
        ("the network alone", alone, alone_processor),
        ("`policyclf batch`, from start to end", whole, whole_processor),
    ):
        print(
            f"| {name} | {seconds:.1f} | {processor:.1f} | {clauses / seconds:.0f} | "
            f"{len(files) / seconds:.2f} |"
        )
    print(f"| share | {alone / whole:.1%} | {alone_processor / whole_processor:.1%} | | |\n")


def _alone(files: Sequence[Path], workers: int) -> tuple[float, float, int]:
    """Seconds, processor seconds and tokens of the network's runs for these policies."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(workers), context.SimpleQueue()
    processes = [
        context.Process(target=_network, args=(files[i::workers], barrier, results)) for i in range(workers)
    ]
    for process in processes:
        process.start()
    found = [results.get() for _ in processes]
    for process in processes:
        process.join()
    # All at once, as if the work had been divided without a rest: what the network can do at best.
    tokens = sum(f[2] for f in found)
    return tokens / sum(f[2] / f[0] for f in found), sum(f[1] for f in found), tokens


def _network(files: Sequence[Path], barrier: Barrier, results: Any) -> None:
    noted = Windows()
    classifier = Classifier(noted)
    for path in files:
        classifier.classify(path.read_text(encoding="utf-8"))
    session = noted._session
    barrier.wait()
    start, processor = time.monotonic(), time.process_time()
    for ids in noted.ids:
        session.run(None, {"input_ids": ids})
    tokens = sum(ids.size for ids in noted.ids)
    results.put((time.monotonic() - start, time.process_time() - processor, tokens))


# growth: speed and memory from 100 to 10,000 documents


def growth(files: Sequence[Path], workers: int, folder: Path, sizes: Sequence[int]) -> None:
    """Print a row for each number of documents."""
    print("| documents | documents/s | clauses/s | clauses/processor s | peak, parent | peak, a worker |")
    print("|---|---|---|---|---|---|")
    for count in sizes:
        source = folder / f"{count}.jsonl"
        with source.open("w", encoding="utf-8") as out:
            for text in _slices(files, count):
                out.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
        run = batch([source], folder / f"rows-{count}.jsonl", workers)
        print(
            f"| {run.documents:,} | {run.documents / run.seconds:.1f} | {run.clauses / run.seconds:.0f} | "
            f"{run.clauses / run.processor:.0f} | "
            f"{run.parent / 2**20:.0f} MiB | {run.worker / 2**20:.0f} MiB |",
            flush=True,
        )
    print()


def _slices(files: Sequence[Path], count: int) -> Iterator[str]:
    """`count` different documents of SLICE characters."""
    for path in files:
        text = path.read_text(encoding="utf-8")
        for at in range(0, len(text), SLICE):
            if not count:
                return
            yield text[at : at + SLICE]
            count -= 1


# repeats: what has been read before


def repeats(files: Sequence[Path], workers: int, folder: Path) -> None:
    """Print the share of tokens that a worker finds among those it has read before."""
    print("| collection | tokens | read before |\n|---|---|---|")
    for name, versions in (("as it is", False), ("each policy with its next version", True)):
        model = Windows()
        model.recent = RecentOutputs(REMEMBERED)
        classifier = Classifier(model)
        for path in files:
            text = path.read_text(encoding="utf-8")
            classifier.classify(text)
            if versions:
                lines = text.splitlines(keepends=True)
                middle = len(lines) // 2
                classifier.classify("".join([*lines[:middle], *lines[middle + 1 :]]))
        recent = model.recent
        print(f"| {name} | {recent.tokens_asked:,} | {recent.tokens_found / recent.tokens_asked:.1%} |")
    print()


# sentences: for planning


def sentences(files: Sequence[Path], workers: int, folder: Path) -> None:
    """Print the cost of sentences one by one and in their documents, and the bytes of rows."""
    chosen: list[str] = []
    for path in files:
        text = path.read_text(encoding="utf-8")
        chosen += [text[s.start : s.end] for s in segments(text) if s.kind == "sentence"]
    chosen = random.Random(0).sample(chosen, SENTENCES)
    source = folder / "sentences.jsonl"
    source.write_text("".join(json.dumps({"text": t}) + "\n" for t in chosen), encoding="utf-8")
    alone = batch([source], folder / "alone.jsonl", workers, "--unit", "sentence")
    sizes = {"JSON Lines": alone.size}
    rows = list(formats.read(folder / "alone.jsonl", "jsonl", "clauses"))
    forms: dict[str, formats.Format] = {"CSV": "csv", "Parquet": "parquet"}
    for name, form in forms.items():
        partial, out = folder / "partial", folder / f"alone.{form}"
        partial.write_bytes(formats.preamble(form, "clauses") + formats.encoded(rows, form, "clauses"))
        formats.write(partial, out, form, "clauses")
        sizes[name] = out.stat().st_size
    within = batch(files[: max(1, len(files) // 10)], folder / "within.jsonl", workers)
    print("| | sentences | sentences/s | sentences/processor s |\n|---|---|---|---|")
    for name, run in (("each by itself (`--unit sentence`)", alone), ("in its policy", within)):
        print(
            f"| {name} | {run.clauses:,} | {run.clauses / run.seconds:.0f} | "
            f"{run.clauses / run.processor:.0f} |"
        )
    characters = sum(map(len, chosen)) / len(chosen)
    print(f"\nBytes a row, of sentences of {characters:.0f} characters:")
    print(", ".join(f"{name} {size / alone.clauses:,.0f}" for name, size in sizes.items()) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000], help="of growth")
    parser.add_argument("--part", choices=["model", "growth", "repeats", "sentences"], action="append")
    options = parser.parse_args()
    files = sorted(options.folder.rglob("*.txt"))
    if not files:
        parser.error(f"no .txt below {options.folder}")
    random.Random(0).shuffle(files)
    chosen = files[: options.documents]
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n")
    parts = options.part or ["model", "growth", "repeats", "sentences"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in parts:
            print(f"### {part}\n", flush=True)
            if part == "model":
                model_share(chosen, options.workers, folder)
            elif part == "growth":
                growth(files, options.workers, folder, options.sizes)
            elif part == "repeats":
                repeats(chosen, options.workers, folder)
            else:
                sentences(chosen, options.workers, folder)


if __name__ == "__main__":
    main()
