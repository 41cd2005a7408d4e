"""The characters of a PDF's pages and where they stand, put together to runs.

A PDF knows no lines, let alone Japanese ones that go from top to bottom: pdfium gives the
characters as they were drawn, guesses the lines, and puts vertical ones in the order of
horizontal ones, which scrambles them. So runs are made here, from the characters' boxes,
in the direction that most of the page has; the page is turned so that its lines go from
left to right, one below the other, and what follows needs to know of no direction.
"""

from __future__ import annotations

import ctypes
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from policyclf.lines import JAPANESE

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

__all__ = ["PageText", "Run", "page_text"]

Direction = Literal["right", "down", "left", "up"]
_DIRECTIONS: tuple[Direction, ...] = ("right", "down", "left", "up")  # by pdfium's angle, in right angles

_WORD_GAP = 0.22  # of the size
_WIDE_GAP = 0.8  # likewise, between Japanese characters
_RUN_GAP = 0.95  # likewise: farther apart, characters belong to two cells or columns
_BOLD = re.compile(rb"bold|heavy|black|demi|w[6-9]\b", re.IGNORECASE)
# Forms that only a font's table gives: radicals for kanji, ligatures, vertical punctuation.
_FORMS = re.compile("[\u2e80-\u2fdf\ufb00-\ufb06\ufe10-\ufe19\ufe30-\ufe48]")
_HYPHENS = "\x02\u00ad"  # what pdfium makes of a hyphen that ends a line


@dataclass(slots=True)
class Run:
    """Characters of one line that stand together.

    The box is in points, on the turned page: `left` and `right` along the line, `top` and
    `bottom` down the page. `upright` is False where it goes in another direction.
    """

    text: str
    left: float
    right: float
    top: float
    bottom: float
    size: float  # the height of the font's box, in points
    bold: bool
    upright: bool = True


@dataclass(frozen=True, slots=True)
class PageText:
    """A page's runs in the order in which they were drawn."""

    width: float  # of the turned page, in points
    height: float
    runs: list[Run]
    characters: int
    unknown: int  # characters of fonts that do not say which they are


@dataclass(slots=True)
class _Glyph:
    char: str
    left: float
    right: float
    top: float
    bottom: float
    gap: bool  # white space before it
    direction: Direction
    bold: bool

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    @property
    def size(self) -> float:
        return self.bottom - self.top


def page_text(page: PdfPage) -> PageText:
    """The runs of a page."""
    width, height = page.get_size()
    glyphs, unknown = _glyphs(page, height)
    _vertical(glyphs)
    direction = max(_DIRECTIONS, key=Counter(g.direction for g in glyphs).__getitem__)
    across = direction in ("up", "down")
    size = (height, width) if across else (width, height)
    for glyph in glyphs:
        _turn(glyph, direction, width, height)
    return PageText(*size, list(_runs(glyphs, direction)), len(glyphs), unknown)


def _glyphs(page: PdfPage, height: float) -> tuple[list[_Glyph], int]:
    """The characters with their boxes, y from the page's top, and how many are unknown."""
    import pypdfium2.raw as pdfium

    textpage = page.get_textpage()
    raw = textpage.raw
    box = pdfium.FS_RECTF()
    fonts = _Fonts(raw)
    result: list[_Glyph] = []
    unknown, gap = 0, False
    for i in range(textpage.count_chars()):
        code = pdfium.FPDFText_GetUnicode(raw, i)
        char = chr(code) if 0 < code < 0xD800 or 0xE000 <= code < 0x110000 else "\ufffd"
        if char.isspace() or pdfium.FPDFText_IsGenerated(raw, i) == 1:
            gap = True
            continue
        if not pdfium.FPDFText_GetLooseCharBox(raw, i, ctypes.byref(box)):
            continue
        known = char in _HYPHENS or (char >= " " and char != "\ufffd")
        unknown += not known or pdfium.FPDFText_HasUnicodeMapError(raw, i) == 1
        if not known:
            continue
        char = "\u00ad" if char in _HYPHENS else char
        char = unicodedata.normalize("NFKC", char) if _FORMS.match(char) else char
        angle = round(pdfium.FPDFText_GetCharAngle(raw, i) / (math.pi / 2)) % 4
        top, bottom = height - box.top, height - box.bottom
        result.append(_Glyph(char, box.left, box.right, top, bottom, gap, _DIRECTIONS[angle], fonts.bold(i)))
        gap = False
    return result, unknown


class _Fonts:
    """Whether characters are bold; the fonts are asked for where one may begin."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._name = ctypes.create_string_buffer(128)
        self._flags = ctypes.c_int()

    def bold(self, i: int) -> bool:
        """Whether character `i` is bold, by its font's name."""
        import pypdfium2.raw as pdfium

        pdfium.FPDFText_GetFontInfo(self._raw, i, self._name, 128, self._flags)
        return bool(_BOLD.search(self._name.value))


def _vertical(glyphs: Sequence[_Glyph]) -> None:
    """Mark upright characters that stand one below the other: vertical writing."""
    below = [False] * len(glyphs)
    beside = [False] * len(glyphs)
    for i in range(len(glyphs) - 1):
        a, b = glyphs[i], glyphs[i + 1]
        if a.direction != "right" or b.direction != "right":
            continue
        size = max(a.size, b.size, 0.1)
        aside = abs((b.left + b.right) - (a.left + a.right)) / 2
        if aside < 0.4 * size and 0.4 * size < b.middle - a.middle < 2 * size:
            below[i] = below[i + 1] = True
        elif abs(b.middle - a.middle) < 0.4 * size and 0 < b.left - a.left < 2 * size:
            beside[i] = beside[i + 1] = True
    for glyph, down, right in zip(glyphs, below, beside, strict=True):
        if down and not right:
            glyph.direction = "down"


def _turn(glyph: _Glyph, direction: Direction, width: float, height: float) -> None:
    """Turn a character's box with the page, so that `direction` becomes "right"."""
    left, right, top, bottom = glyph.left, glyph.right, glyph.top, glyph.bottom
    if direction == "down":
        left, right, top, bottom = top, bottom, width - right, width - left
    elif direction == "up":
        left, right, top, bottom = height - bottom, height - top, left, right
    elif direction == "left":
        left, right, top, bottom = width - right, width - left, height - bottom, height - top
    glyph.left, glyph.right, glyph.top, glyph.bottom = left, right, top, bottom


def _runs(glyphs: Sequence[_Glyph], direction: Direction) -> Iterator[Run]:
    run: Run | None = None
    inside: list[_Glyph] = []  # of `run`
    i = 0
    while i < len(glyphs):
        glyph = glyphs[i]
        if glyph.direction != direction:
            j = i
            while j < len(glyphs) and glyphs[j].direction == glyph.direction and (j == i or _near(glyphs, j)):
                j += 1
            # Two or three digits set side by side in a vertical line are read in that line.
            if run is None or j - i > 3 or not all(_abreast(run, g) for g in glyphs[i:j]):
                if run:
                    yield _sized(run, inside)
                yield _aside(glyphs[i:j])
                run, i = None, j
                continue
        i += 1
        if run is not None and _twice(inside[-1], glyph):
            run.bold = True  # drawn twice, to look so
        elif run is not None and _follows(run, inside[-1], glyph):
            run.text += _space(inside[-1], glyph) + glyph.char
            run.right = max(run.right, glyph.right)
            run.top, run.bottom = min(run.top, glyph.top), max(run.bottom, glyph.bottom)
            run.bold = run.bold and glyph.bold
            inside.append(glyph)
        else:
            if run:
                yield _sized(run, inside)
            run = Run(glyph.char, glyph.left, glyph.right, glyph.top, glyph.bottom, glyph.size, glyph.bold)
            inside = [glyph]
    if run:
        yield _sized(run, inside)


def _sized(run: Run, inside: Sequence[_Glyph]) -> Run:
    """`run` with the size that most of it has: a bullet's or a footnote's does not count."""
    run.size = median(glyph.size for glyph in inside)
    return run


def _near(glyphs: Sequence[_Glyph], j: int) -> bool:
    a, b = glyphs[j - 1], glyphs[j]
    reach = 2.5 * max(a.size, b.size, a.right - a.left)
    return abs(a.left - b.left) < reach and abs(a.top - b.top) < reach


def _aside(glyphs: Sequence[_Glyph]) -> Run:
    """A run that goes in a direction of its own."""
    first = glyphs[0]
    text = first.char + "".join((" " if g.gap else "") + g.char for g in glyphs[1:])
    left, right = min(g.left for g in glyphs), max(g.right for g in glyphs)
    top, bottom = min(g.top for g in glyphs), max(g.bottom for g in glyphs)
    size = max(first.right - first.left, first.bottom - first.top)
    return Run(text, left, right, top, bottom, size, all(g.bold for g in glyphs), upright=False)


def _abreast(run: Run, glyph: _Glyph) -> bool:
    """Whether `glyph` stands within the height of the line of `run`."""
    return run.top - 0.1 * run.size <= glyph.middle <= run.bottom + 0.1 * run.size


def _follows(run: Run, last: _Glyph, glyph: _Glyph) -> bool:
    size = max(last.size, glyph.size)
    if not (_abreast(run, glyph) or abs(glyph.middle - last.middle) < 0.5 * size):
        return False
    return -0.6 * size < glyph.left - last.left and glyph.left - last.right < _RUN_GAP * size


def _twice(last: _Glyph, glyph: _Glyph) -> bool:
    near = 0.12 * last.size
    return (
        last.char == glyph.char
        and abs(last.left - glyph.left) < near
        and abs(last.top - glyph.top) < near
        and not glyph.gap
    )


def _space(last: _Glyph, glyph: _Glyph) -> str:
    """The white space between two characters of a run; "" for none."""
    gap = (glyph.left - last.right) / max(last.size, glyph.size, 0.1)
    if JAPANESE.match(last.char[-1]) and JAPANESE.match(glyph.char):
        return " " if gap > _WIDE_GAP else ""
    if glyph.gap:
        return " " if gap > 0.05 or not (JAPANESE.match(last.char[-1]) or JAPANESE.match(glyph.char)) else ""
    return " " if gap > _WORD_GAP and last.char.isascii() and glyph.char.isascii() else ""
