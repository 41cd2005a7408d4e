"""Which lines belong together: hard-wrapped sentences, enumerators alone on their line.

A scraped page has a line for every block, most without a full stop; a hard-wrapped file
breaks wherever the width ends. A break is taken for a wrap where the next line's first
word would not have fitted (and the document shows that this is its habit), or where
the words themselves cannot end there: an open bracket, a comma, a particle.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from policyclf.lines import JAPANESE, Line, is_row, is_rule
from policyclf.wording import ends_in_abbreviation, is_ended

__all__ = ["columns", "goes_on", "joined"]

_MIN_WIDTH, _MAX_WIDTH = 50, 150  # columns of hard-wrapped text
_RAGGED = 6  # columns by which editors miss the width
_MAX_BRACKET = 120  # characters between a bracket and the line's end, or from the next one's start
_LONG = 400  # characters: beyond, no line is hard-wrapped

_OPENS_NO_LINE = re.compile(r"[、。，．,」』）)】］\]！？!?;:：％%](?![)）])")
_COMMA = re.compile(r"[、，]$")
# Particles after which no Japanese phrase ends; こと, もの, とは, まで end many.
_PARTICLE = re.compile(
    r"(?:を|(?<!はじめ)(?<!おわり)(?<!終わり)(?<!一)に|[^すな]が|および|及び|または|又は|ならびに|並びに|[^も]の)$"
)
_ARTICLE = re.compile(r"\s(?:the|an?|our|your|their|its|this|these|of|with|any)$")
_ADDRESS = re.compile(r"(?:https?://\S+|www\.\S+|\S+@\S+)$")
_WORD = re.compile(r"[^\s]{1,40}")
_DEFINITION = re.compile(r"[^:：]{1,24}[:：]")


def joined(document: Sequence[Line]) -> list[list[Line]]:
    """`document` in groups of one line or more, each to be one block."""
    wraps = _wrap_widths(document)
    groups: list[list[Line]] = []
    for i, line in enumerate(document):
        if groups and _carries_on(groups[-1], line, wraps[i]):
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def goes_on(text: str, following: str) -> bool:
    """Whether the words of two lines show that a sentence goes on over the break."""
    if _OPENS_NO_LINE.match(following):
        return True
    if is_ended(text):
        return False
    if _closes(text, following):
        return True
    abbreviated = ends_in_abbreviation(text)
    if JAPANESE.search(text[-3:]) or JAPANESE.match(following):
        if _COMMA.search(text) and len(text) >= 10:
            return True
        if _PARTICLE.search(text) and not _DEFINITION.match(following):
            return True
    elif following[0].islower() and (abbreviated or text.endswith(",")):
        return abbreviated or len(text) >= 40
    return following[0].islower() and bool(_ARTICLE.search(text[-12:]))


def columns(text: str) -> int:
    """Width of `text` on a fixed grid, in columns; a Japanese character takes two."""
    if len(text) > _LONG:
        return len(text)
    return len(text) + sum(c >= "\u1100" and not "\u2000" <= c <= "\u2bff" for c in text)


def _carries_on(group: list[Line], line: Line, width: int | None) -> bool:
    """Whether `line` belongs to the block of `group`; `width`: columns of the hard wrap here."""
    before = group[-1]
    if before.mark and not before.body and len(group) == 1:
        # An enumerator alone opens the text below it, also over one blank line.
        return line.blanks <= 1 and line.mark is None and not is_rule(line)
    if line.blanks:
        return False
    if is_rule(line):
        return (
            len(group) == 1
            and (before.mark is None or before.mark.kind in ("number", "article"))
            and not is_ended(before.text)
            and len(before.text) <= 100
            and not is_rule(before)
        )
    if line.mark or is_rule(before) or is_row(line) or is_row(before):
        return False
    if group[0].mark and group[0].mark.kind == "heading":
        return False
    if is_ended(before.text) and not _OPENS_NO_LINE.match(line.text):
        return False if group[0].mark is None else _indented(group, line) and width is not None
    if goes_on(before.text, line.text):
        return True
    if _ADDRESS.match(line.text):
        return False
    if width is not None and forced(before, line, width):
        return True
    return _indented(group, line) and not JAPANESE.search(line.text) and line.text[0].islower()


def _indented(group: list[Line], line: Line) -> bool:
    """Whether `line` stands under the text of the item that `group` is, as in Markdown."""
    mark = group[0].mark
    return mark is not None and line.indent > group[0].indent and line.indent >= 2


def forced(line: Line, following: Line, width: int) -> bool:
    """Whether the first word of `following` would not have fitted behind `line`."""
    if len(line.text) > _LONG:
        return False
    word = _WORD.match(following.text)
    first = word[0] if word else ""
    wide = JAPANESE.search(first[:2])
    need = 2 if wide else columns(first) + 1
    return line.indent + columns(line.text) + need > width - _RAGGED


def _closes(text: str, following: str) -> bool:
    """Whether `following` closes a bracket that `text` leaves open."""
    tail, head = text[-_MAX_BRACKET:], following[:_MAX_BRACKET]
    for opening, closing in ("（）", "()", "「」", "『』", "“”"):
        at = tail.rfind(opening)
        if at >= 0 and closing not in tail[at:] and closing in head:
            # A bracket of the next line's own closes nothing here.
            return opening not in head[: head.index(closing)]
    return False


def _wrap_widths(document: Sequence[Line]) -> list[int | None]:
    """For each line, the width at which the lines about it are hard-wrapped, or None."""
    runs: list[list[int]] = []
    for i, line in enumerate(document):
        if not runs or line.blanks:
            runs.append([])
        runs[-1].append(i)
    widths: list[int | None] = [None] * len(document)
    found = []
    for run in runs:
        width = _habit([document[i] for i in run])
        if width:
            found.append(width)
            for i in run:
                widths[i] = width
    if found:
        # Short paragraphs of a hard-wrapped document cannot show the habit themselves.
        habit = max(found)
        for run in runs:
            if widths[run[0]] is None and all(columns(document[i].text) <= habit for i in run):
                for i in run:
                    widths[i] = habit
    return widths


def _habit(run: Sequence[Line]) -> int | None:
    """The width at which the lines of `run` are wrapped; None where they are not."""
    if len(run) < 2 or any(len(line.text) > _LONG for line in run):
        return None
    width = max(line.indent + columns(line.text) for line in run)
    if not _MIN_WIDTH <= width <= _MAX_WIDTH:
        return None
    unended = [
        (a, b)
        for a, b in pairwise(run)
        if b.mark is None and not is_ended(a.text) and not is_row(a) and not is_row(b)
    ]
    # Of the lines that go on with a sentence hardly any begins with a capital.
    capitals = sum(b.text[0].isupper() for _, b in unended)
    if not unended or capitals > 0.4 * len(unended):
        return None
    needed = 1 if any(b.text[0].islower() for _, b in unended) else 2
    wraps = sum(forced(a, b, width) for a, b in unended)
    return width if len(unended) >= needed and wraps >= 0.75 * len(unended) else None
