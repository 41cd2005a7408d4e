"""A PDF page's runs as lines in reading order, column after column.

Runs at one height make a row. Where a gutter parts many rows one below the other, and
the lines on both sides of it fill their width, they are columns and are read one after
the other; else they are a table's cells, and the row is read across, parted by tabs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from policyclf.glyphs import PageText, Run
from policyclf.lines import JAPANESE, mark_of

__all__ = ["Line", "lines_of"]

_SAME_ROW = 0.5  # of the lower run's height that overlaps
_ROWS_BACK = 4
_GUTTER = 0.8  # of the size
_CELL_GAP = 0.95  # likewise, between two runs of a row
_MIN_ROWS = 3  # of a column
_FULL = 0.75  # of the column's width
_MIN_WIDTH = 14  # sizes: narrower, it is no column of prose

Row = list[Run]


@dataclass(slots=True, eq=False)
class Line:
    """A line of text; places in points on the turned page."""

    text: str  # cells are parted by tabs
    left: float
    right: float
    top: float
    bottom: float
    size: float
    bold: bool
    column: int  # 0 for lines that take the page's whole width
    start: float  # where the line's column begins
    last_cell: float  # where its last cell begins
    upright: bool


def lines_of(page: PageText) -> list[Line]:
    """The lines of a page in reading order; those in another direction come last."""
    rows = _rows([run for run in page.runs if run.upright])
    found = list(_ordered(rows, 0))
    found += [_line([run], 0, run.left) for run in page.runs if not run.upright]
    return found


def _rows(runs: Sequence[Run]) -> list[Row]:
    """Runs at one height together, from left to right; rows from the top down."""
    rows: list[Row] = []
    for run in sorted(runs, key=lambda r: (r.top, r.left)):
        for row in rows[-_ROWS_BACK:]:
            first = row[0]
            shared = min(run.bottom, first.bottom) - max(run.top, first.top)
            lower = min(run.bottom - run.top, first.bottom - first.top)
            if shared > _SAME_ROW * lower:
                row.append(run)
                break
        else:
            rows.append([run])
    for row in rows:
        row.sort(key=lambda r: r.left)
    return rows


def _ordered(rows: Sequence[Row], column: int) -> Iterator[Line]:
    """The lines of `rows`; `column` is the number of the column that they are in, 0 for none."""
    i = 0
    plain: list[Row] = []
    while i < len(rows):
        found = _columns(rows, i)
        if found is None:
            plain.append(rows[i])
            i += 1
            continue
        yield from _across(plain, column)
        plain = []
        left, right, i = found
        yield from _ordered(left, column + 1)
        yield from _ordered(right, column + 2)
    yield from _across(plain, column)


def _across(rows: Sequence[Row], column: int) -> Iterator[Line]:
    start = min((row[0].left for row in rows), default=0.0)
    for row in rows:
        yield _line(row, column, start)


def _line(row: Row, column: int, start: float) -> Line:
    text, last_cell = row[0].text, row[0].left
    spaced = _is_spaced_out(row)
    for before, run in pairwise(row):
        size = max(before.size, run.size)
        mark = mark_of(text)
        if run.left - before.right > _CELL_GAP * size and not spaced and not (mark and mark.end == len(text)):
            text, last_cell = f"{text}\t{run.text}", run.left
        else:
            near = run.left - before.right < 0.2 * size
            glued = near or (JAPANESE.match(text[-1]) and JAPANESE.match(run.text))
            text += run.text if glued else f" {run.text}"
    main = max(row, key=lambda r: len(r.text))
    return Line(
        text,
        row[0].left,
        max(run.right for run in row),
        main.top,
        main.bottom,
        main.size,
        all(run.bold for run in row),
        column,
        start,
        last_cell,
        row[0].upright,
    )


def _is_spaced_out(row: Row) -> bool:
    """Whether the gaps of a row are those of the words of a justified line."""
    gaps = [b.left - a.right for a, b in pairwise(row)]
    words = len(row) > 3 and all(" " not in run.text for run in row)
    return words and max(gaps) < 1.5 * row[0].size and max(gaps) < 1.6 * min(gaps)


def _columns(rows: Sequence[Row], i: int) -> tuple[list[Row], list[Row], int] | None:
    """The two columns that begin at row `i` and the row behind them; None where none do."""
    best: tuple[list[Row], list[Row], int] | None = None
    for gutter in _gutters(rows, i):
        left, right, end = _apart(rows, i, gutter)
        if _is_column(left) and _is_column(right) and (best is None or end > best[2]):
            best = (left, right, end)
    return best


def _gutters(rows: Sequence[Row], i: int) -> list[tuple[float, float]]:
    """The gaps of row `i`; of the first row below it that has some, where it has none."""
    for row in rows[i : i + 8]:
        gaps = [(a.right, b.left) for a, b in pairwise(row)]
        gaps = [gap for gap in gaps if gap[1] - gap[0] > _GUTTER * row[0].size]
        if gaps:
            return gaps
    return []


def _apart(rows: Sequence[Row], i: int, gutter: tuple[float, float]) -> tuple[list[Row], list[Row], int]:
    """The rows from `i` on that leave the gutter free, cut in two; and where they end."""
    left: list[Row] = []
    right: list[Row] = []
    start, end = gutter
    while i < len(rows):
        middle = (start + end) / 2
        west = [run for run in rows[i] if (run.left + run.right) / 2 < middle]
        east = [run for run in rows[i] if (run.left + run.right) / 2 >= middle]
        start_, end_ = max([start, *(r.right for r in west)]), min([end, *(r.left for r in east)])
        if end_ - start_ < _GUTTER * rows[i][0].size:
            break
        start, end = start_, end_
        left += [west] if west else []
        right += [east] if east else []
        i += 1
    return left, right, i


def _is_column(rows: Sequence[Row]) -> bool:
    """Whether most lines fill the width, as those of a paragraph do and a table's cells do not."""
    if len(rows) < _MIN_ROWS:
        return False
    start, end = min(row[0].left for row in rows), max(row[-1].right for row in rows)
    size = median(row[0].size for row in rows)
    full = sum(row[-1].right - row[0].left >= _FULL * (end - start) for row in rows)
    return end - start >= _MIN_WIDTH * size and full * 2 >= len(rows)
