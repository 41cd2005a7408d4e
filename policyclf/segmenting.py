"""Text to segments: the sentences, list items and headings of a document, in order.

    >>> for s in segments("# Sharing\\n\\nWe share it. With whom?\\n\\n- Foo Inc.\\n"):
    ...     print(s.kind, s.start, s.end)
    heading 0 9
    sentence 11 23
    sentence 24 34
    list_item 36 46

The units are those of the annotation guidelines. Between two segments lies only white
space, and every other character is in exactly one segment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from policyclf.blocks import Block, Furniture
from policyclf.document import Document
from policyclf.script import Language, language_of
from policyclf.sentence_ends import sentence_ends
from policyclf.wording import announces

__all__ = ["Segment", "SegmentKind", "apart", "segments"]

SegmentKind = Literal["sentence", "list_item", "heading"]

_CELL = re.compile(r"\s*(?:[|｜]|$)|[^\S\t]*\t")


@dataclass(frozen=True, slots=True)
class Segment:
    """text[start:end] is the segment, without outer white space."""

    start: int  # characters
    end: int  # exclusive
    kind: SegmentKind
    language: Language
    lead_in: int | None = None  # index of the segment that leads the list in, for an item
    furniture: Furniture | None = None  # what it is, where it is no part of the document proper


def segments(given: str | Document) -> list[Segment]:
    """The segments of a text or a document in reading order; [] where it holds only white space.

    White space is what `str.isspace` takes for it, and a byte order mark at the very
    start. The language of a block without letters is that of the block before it.
    """
    document = Document(given) if isinstance(given, str) else given
    text = document.text
    result: list[Segment] = []
    language: Language = "en"
    leads: list[int] = []  # for each block, the index of its leading segment
    for block in document.blocks:
        language = language_of(text[block.start + block.mark_end : block.end], language)
        kind: SegmentKind = (
            "heading" if block.kind == "heading" else "sentence" if block.kind == "paragraph" else "list_item"
        )
        lead_in = None if block.lead_in is None else leads[block.lead_in]
        first = len(result)
        for start, end in _spans(text, block, language):
            result.append(Segment(start, end, kind, language, lead_in, block.furniture))
        announcing = (
            i
            for i in range(len(result) - 1, first - 1, -1)
            if announces(text[result[i].start : result[i].end])
        )
        leads.append(next(announcing, len(result) - 1))
    return result


def apart(found: Sequence[Segment]) -> list[list[Segment]]:
    """`found` in groups that are read each by itself, `lead_in` counting within the group.

    The document proper comes first, then each kind of page furniture: so what stands in a
    menu or a cookie banner has no say in how the document is read.
    """
    groups: dict[Furniture | None, list[Segment]] = {None: []}
    places: list[int] = []
    for segment in found:
        group = groups.setdefault(segment.furniture, [])
        lead = segment.lead_in
        inside = lead is not None and found[lead].furniture == segment.furniture
        places.append(len(group))
        group.append(replace(segment, lead_in=places[lead] if inside and lead is not None else None))
    return [group for group in groups.values() if group]


def _spans(text: str, block: Block, language: Language) -> list[tuple[int, int]]:
    """`block` cut at its sentences' ends; headings stay whole."""
    if block.kind == "heading":
        return [(block.start, block.end)]
    content = text[block.start : block.end]
    spans: list[tuple[int, int]] = []
    at = 0
    for end in [*sentence_ends(content, language, block.mark_end), len(content)]:
        if block.kind == "table_row" and end < len(content) and _CELL.match(content, end):
            continue
        piece = content[at:end].strip()
        if not piece:
            continue
        start = content.index(piece[0], at)
        spans.append((block.start + start, block.start + start + len(piece)))
        at = end
    return spans
