"""The lines of a PDF's pages rejoined into paragraphs, headers and footers told apart.

A line goes on with the one before it where its first word would not have fitted there:
the rule by which the line was broken. What stands at the edge of many pages alike, and
page numbers, are furniture; a paragraph is rejoined over them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from policyclf import wording
from policyclf.blocks import Furniture
from policyclf.columns import Line, lines_of
from policyclf.document import Part
from policyclf.glyphs import PageText
from policyclf.lines import JAPANESE, mark_of
from policyclf.wrapping import goes_on

__all__ = ["paragraphs"]

_EDGE = 0.12  # of the page's height: where headers and footers stand
_REPEATED = 0.4  # of the pages; left and right ones have headers of their own
_PAGE_NUMBER = re.compile(
    r"[-–—―\s\[(]*(?:page|p\.)?\s*[0-9０-９]{1,4}(?:\s*(?:/|／|of|\|)\s*[0-9０-９]{1,4})?\s*[-–—―\])]*(?:ページ|頁)?"
    r"|[-–—\s]*[ivxlc]{1,6}[-–—\s]*",
    re.IGNORECASE,
)
_LEADERS = re.compile(r"(?:[.．・…‥]\s?){5,}\s*[0-9ivxlc]{1,4}$")  # of a table of contents
_DIGITS = re.compile(r"[0-9０-９]+")
_LEADING = 1.3  # of the usual distance of two lines; a paragraph begins where it is more
_UNUSUAL = 1.7  # of the size: the same for lines of a size that is rare
_SAME_SIZE = 0.16  # fonts of one size have boxes of different heights
_LARGE = 1.18  # of the usual size
_MAX_TITLE_LINES = 3
_MARGIN = 0.85  # of the room that equal margins would leave
_HYPHENATED = re.compile(r"([A-Za-z]+)[-\u00ad\u2010]$")
_WIDE = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60"
_WIDE_START, _WIDE_END = re.compile(f"[{_WIDE}]"), re.compile(f"[{_WIDE}]$")


def paragraphs(pages: Sequence[PageText]) -> list[Part]:
    """The parts of a document in reading order; furniture stands behind the part it interrupts."""
    read = [lines_of(page) for page in pages]
    furniture = _furniture(pages, read)
    body = [line for lines in read for line in lines if line not in furniture]
    setting = _Setting(pages, body)
    parts: list[Part] = []
    lines: list[Line] = []
    waiting: list[Part] = []
    for number, found in enumerate(read):
        fresh = number > 0
        for line in found:
            if line in furniture:
                waiting.append(Part(line.text, "paragraph", furniture=furniture[line]))
                continue
            if not lines or not setting.carries_on(lines, line, fresh):
                parts += [setting.part(lines)] if lines else []
                parts += waiting
                lines, waiting = [], []
            lines.append(line)
            fresh = False
    return [*parts, *([setting.part(lines)] if lines else []), *waiting]


def _furniture(pages: Sequence[PageText], read: Sequence[Sequence[Line]]) -> dict[Line, Furniture]:
    """The lines at the pages' edges that are page numbers, or repeat themselves."""
    edges: list[tuple[Line, Furniture, str]] = []
    for page, lines in zip(pages, read, strict=True):
        for line in lines:
            extent = (line.top, line.bottom, page.height)
            if not line.upright:  # the header of a page of vertical lines
                extent = (line.left, line.right, page.width)
            start, end, whole = extent
            if end < _EDGE * whole:
                edges.append((line, "header", _DIGITS.sub("#", line.text)))
            elif start > (1 - _EDGE) * whole:
                edges.append((line, "footer", _DIGITS.sub("#", line.text)))
    counts = Counter((where, text) for _, where, text in edges)
    needed = max(2.0, _REPEATED * len(pages))
    return {
        line: where
        for line, where, text in edges
        if counts[where, text] >= needed or _PAGE_NUMBER.fullmatch(line.text)
    }


class _Setting:
    """How a document is set: its usual size and leading, its columns' right margins, its words."""

    def __init__(self, pages: Sequence[PageText], body: Sequence[Line]) -> None:
        self._size = _commonest((round(line.size, 1), len(line.text)) for line in body)
        bold = sum(len(line.text) for line in body if line.bold)
        self._plain = 2 * bold < sum(len(line.text) for line in body)
        distances: dict[int, list[tuple[float, int]]] = defaultdict(list)
        for a, b in pairwise(body):
            if 0 < b.top - a.top < 3 * a.size and a.column == b.column and _alike(a, b):
                distances[round(a.size)].append((round((b.top - a.top) * 2) / 2, 1))
        self._leading = {size: _commonest(found) for size, found in distances.items() if len(found) > 2}
        ends: dict[int, list[float]] = defaultdict(list)
        for line in body:
            ends[line.column].append(line.right)
        self._right = {column: _margin(found) for column, found in ends.items()}
        # A page of short lines shows no margin; then it is taken to be as wide as the left one.
        whole = ends[0]
        near = sum(end > self._right[0] - 1.5 * self._size for end in whole) if whole else 0
        if whole and near < max(2, 0.2 * len(whole)):
            start = min(line.start for line in body if line.column == 0)
            self._right[0] = max(self._right[0], start + _MARGIN * (pages[0].width - 2 * start))
        self._narrow = {
            line: right for run in self._runs(body) if (right := self._habit(run)) for line in run
        }
        self._words = Counter(
            word.lower() for line in body for word in re.findall(r"[A-Za-z]+(?:-[A-Za-z]+)*", line.text)
        )

    def _runs(self, body: Sequence[Line]) -> list[list[Line]]:
        """Lines that stand one below the other at the usual distance."""
        runs: list[list[Line]] = []
        for line in body:
            last = runs[-1][-1] if runs else None
            if last is None or not (
                _alike(last, line)
                and last.bold == line.bold
                and last.column == line.column
                and 0 < line.top - last.top <= self._farthest(last)
                and mark_of(line.text) is None
            ):
                runs.append([])
            runs[-1].append(line)
        return runs

    def _habit(self, run: Sequence[Line]) -> float | None:
        """The right margin that all lines of a run keep, narrower than the column's; or None."""
        right = max(line.right for line in run)
        breaks = [(a, b) for a, b in pairwise(run) if not wording.is_ended(a.text)]
        kept = all(self._reaches(a, b, right) and "\t" not in a.text for a, b in breaks)
        return right if len(breaks) > 1 and kept else None

    def carries_on(self, lines: Sequence[Line], line: Line, fresh: bool) -> bool:
        """Whether `line` belongs to the paragraph of `lines`; `fresh`: it is a page's first."""
        last = lines[-1]
        if not _alike(last, line) or last.bold != line.bold or last.upright != line.upright:
            return False
        if "\t" in line.text or mark_of(line.text) is not None:
            return False
        ended = wording.is_ended(last.text) or wording.is_clause(last.text)
        if fresh or line.column != last.column or line.top <= last.top:
            # The next column or page: only in the midst of a sentence.
            return not ended and "\t" not in last.text and self._full(last, line)
        if line.top - last.top > self._farthest(last):
            return False
        if "\t" in last.text:
            return abs(line.left - last.last_cell) < 0.5 * line.size
        if _HYPHENATED.search(last.text):
            return True
        if not self._full(last, line):
            return goes_on(last.text, line.text)
        indented = line.left - min(last.left, lines[0].left) > 0.7 * line.size
        return not (ended and indented and mark_of(lines[0].text) is None)

    def part(self, lines: Sequence[Line]) -> Part:
        """The paragraph that `lines` make up."""
        first = lines[0]
        text = first.text
        for line in lines[1:]:
            text = self._joined(text, line.text)
        large = first.size > _LARGE * self._size or (first.bold and self._plain)
        title = large and len(lines) <= _MAX_TITLE_LINES and "\t" not in text
        listed = mark_of(first.text) is not None
        indent = round(2 * (first.left - first.start) / first.size) if listed and first.size else 0
        contents: Furniture | None = "navigation" if _LEADERS.search(text) else None
        return Part(text, title=title, indent=max(0, min(indent, 40)), furniture=contents)

    def _farthest(self, line: Line) -> float:
        usual = self._leading.get(round(line.size))
        return _LEADING * usual if usual else _UNUSUAL * line.size

    def _full(self, line: Line, following: Line) -> bool:
        """Whether the first word of `following` would not have fitted behind `line`."""
        return self._reaches(line, following, self._narrow.get(line, self._right[line.column]))

    def _reaches(self, line: Line, following: Line, right: float) -> bool:
        room = right - line.right
        if JAPANESE.match(following.text) or _WIDE_START.match(following.text):
            # One character, and one more where 、 or 」 may not begin a line.
            return room < 2.3 * line.size
        word = following.text.split(None, 1)[0]
        width = (following.right - following.left) / len(following.text)
        return room < (len(word) + 1.5) * width

    def _joined(self, text: str, following: str) -> str:
        hyphen = _HYPHENATED.search(text)
        if hyphen and following[:1].isalpha():
            before, behind = hyphen[1], re.match(r"[A-Za-z]*", following)
            word = behind[0] if behind else ""
            kept = self._words[f"{before}-{word}".lower()] > self._words[f"{before}{word}".lower()]
            if following[0].islower() and not kept:
                return text[:-1] + following
            return text[:-1] + "-" + following
        glued = _WIDE_END.search(text) or _WIDE_START.match(following)
        both = _WIDE_END.search(text) and _WIDE_START.match(following)
        return text + ("" if both or (glued and not following[0].isspace()) else " ") + following


def _alike(a: Line, b: Line) -> bool:
    return abs(a.size - b.size) <= _SAME_SIZE * max(a.size, b.size)


def _margin(ends: Sequence[float]) -> float:
    """Where most lines end that are full; an overfull one tells nothing."""
    end, count = Counter(round(end) for end in ends).most_common(1)[0]
    if count > 3 and count >= 0.25 * len(ends):
        return end
    return sorted(ends)[min(len(ends) - 1, int(0.9 * len(ends)))]


def _commonest(weighed: Iterable[tuple[float, int]]) -> float:
    counts: Counter[float] = Counter()
    for value, weight in weighed:
        counts[value] += weight
    return counts.most_common(1)[0][0] if counts else 0.0
