"""How far a job is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from policyclf.batch.collection import Scan
from policyclf.batch.stage import Counts

__all__ = ["Bar", "Lines", "Progress", "Silent", "progress"]

FIRST, LONGEST = 10.0, 300.0  # seconds between two lines: it doubles, so that logs stay short


class Progress(Protocol):
    """What a job tells how far it is."""

    def begin(self, scan: Scan | None, done: Counts) -> None:
        """`scan` is what there is to do, None where nobody knows; `done` what an earlier run did."""

    def update(self, counts: Counts) -> None:
        """So much is done now."""

    def end(self) -> None:
        """The job is done, or has been stopped."""


class Silent:
    """Tells nobody."""

    def begin(self, scan: Scan | None, done: Counts) -> None:
        """Nothing is shown."""

    def update(self, counts: Counts) -> None:
        """Nothing is shown."""

    def end(self) -> None:
        """Nothing was shown."""


def progress(stream: TextIO | None = None) -> Progress:
    """A bar where `stream` (standard error) is a terminal and tqdm is installed, else lines."""
    stream = stream or sys.stderr
    if stream.isatty():
        try:
            import tqdm  # noqa: F401
        except ModuleNotFoundError:
            return Lines(stream)
        return Bar(stream)
    return Lines(stream)


@dataclass
class Bar:
    """A bar of tqdm's: share of the bytes, time left; documents, clauses a second, errors."""

    stream: TextIO
    _bar: Any = None
    _start: float = 0.0
    _before: Counts = field(default_factory=Counts)

    def begin(self, scan: Scan | None, done: Counts) -> None:
        """Draw the bar, as full as an earlier run left it."""
        from tqdm import tqdm

        _say_skipped(scan, self.stream)
        total = scan.size if scan else None
        self._before = Counts(documents=done.documents, clauses=done.clauses)
        self._start = time.monotonic()
        self._bar = tqdm(
            total=total, initial=done.size, unit="B", unit_scale=True, file=self.stream, dynamic_ncols=True
        )

    def update(self, counts: Counts) -> None:
        """Move the bar."""
        self._bar.set_postfix_str(_rates(counts, self._before, self._start), refresh=False)
        self._bar.update(counts.size - self._bar.n)

    def end(self) -> None:
        """Leave the bar where it is."""
        if self._bar is not None:
            self._bar.close()


@dataclass
class Lines:
    """Lines for a log."""

    stream: TextIO
    _total: int = 0
    _start: float = 0.0
    _next: float = 0.0
    _pause: float = FIRST
    _before: Counts = field(default_factory=Counts)

    def begin(self, scan: Scan | None, done: Counts) -> None:
        """Say where an earlier run left off, if one did."""
        _say_skipped(scan, self.stream)
        self._total = scan.size if scan else 0
        self._before = Counts(documents=done.documents, clauses=done.clauses, size=done.size)
        self._start = time.monotonic()
        self._next = self._start + self._pause
        if done.documents:
            print(f"going on after {done.documents:,} documents", file=self.stream, flush=True)

    def update(self, counts: Counts) -> None:
        """Print a line, where the last was long enough ago."""
        now = time.monotonic()
        if now < self._next:
            return
        self._pause = min(2 * self._pause, LONGEST)
        self._next = now + self._pause
        text = f"{counts.documents:,} documents  {_rates(counts, self._before, self._start)}"
        speed = (counts.size - self._before.size) / (now - self._start)
        if self._total and speed > 0:
            left = (self._total - counts.size) / speed
            text = f"{counts.size / self._total:6.1%}  {text}  {_clock(left)} left"
        print(text, file=self.stream, flush=True)

    def end(self) -> None:
        """Nothing is left open."""


def _say_skipped(scan: Scan | None, stream: TextIO) -> None:
    if scan and scan.skipped:
        kinds = ", ".join(f"{suffix or 'no suffix'} {n:,}" for suffix, n in sorted(scan.skipped.items()))
        print(f"left out, of other kinds: {kinds}", file=stream, flush=True)


def _rates(counts: Counts, before: Counts, start: float) -> str:
    seconds = max(time.monotonic() - start, 1e-9)
    documents = (counts.documents - before.documents) / seconds
    clauses = (counts.clauses - before.clauses) / seconds
    errors = f"  {counts.errors:,} errors" if counts.errors else ""
    return f"{documents:.1f} documents/s  {clauses:,.0f} clauses/s{errors}"


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"
