r"""Text to blocks: headings, paragraphs, list items, table rows, as spans of the input.

    >>> [b.kind for b in blocks("# Privacy\n\nWe collect:\n\n- your name\n")]
    ['heading', 'paragraph', 'list_item']

Plain text, scraped pages (every line its own block), hard-wrapped text (lines joined)
and Markdown are read by the same rules. Marks (`##`, `-`, `1.`, `|`) stay in the span
of the block that they open; a setext underline belongs to the heading above it,
the rule under a Markdown table's header is a paragraph of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from policyclf.kinds import Draft, Kind, drafted, kinds
from policyclf.lines import lines
from policyclf.wrapping import joined

__all__ = ["Block", "Furniture", "blocks", "nested"]

Furniture = Literal["navigation", "header", "footer", "cookie_banner", "button"]


@dataclass(frozen=True, slots=True)
class Block:
    """A span of the input, without outer white space; only white space lies between two.

    `depth` is 0 for a list's outermost items and for everything that is no item.
    `lead_in` is the index of the block that leads an item in: the paragraph before the
    list, or for a nested list the item above; None where a heading or nothing does.
    """

    start: int  # characters
    end: int  # exclusive
    kind: Kind
    depth: int = 0
    lead_in: int | None = None
    mark_end: int = 0  # characters from `start` to the text behind the enumerator
    furniture: Furniture | None = None  # what the block is, where it is no part of the document proper


def blocks(text: str) -> list[Block]:
    """The blocks of `text` in order, covering all but its white space; [] for none."""
    drafts = [drafted(group) for group in joined(list(lines(text)))]
    return nested(drafts, kinds(drafts))


@dataclass(slots=True)
class _Level:
    indent: int
    style: str
    lead_in: int | None
    last: int  # index of the level's latest item
    value: int | None


def nested(drafts: Sequence[Draft], found: Sequence[Kind]) -> list[Block]:
    """Blocks of these kinds, with the depth of the items and the block that leads each in."""
    result: list[Block] = []
    levels: list[_Level] = []
    paragraph: int | None = None  # the latest one since the last heading
    interrupted: list[_Level] = []
    for i, (draft, kind) in enumerate(zip(drafts, found, strict=True)):
        depth, lead_in = 0, None
        if kind == "list_item":
            style = draft.style
            value = draft.mark.value if draft.mark else None
            while levels and _leaves(levels, draft.indent, style):
                levels.pop()
            if levels and levels[-1].style == style and levels[-1].indent == draft.indent:
                levels[-1].last, levels[-1].value = i, value
            else:
                resumed = _resumed(interrupted, style, value) if not levels else None
                above = levels[-1].last if levels else paragraph
                lead = resumed.lead_in if resumed else above
                levels.append(_Level(draft.indent, style, lead, i, value))
            depth, lead_in = len(levels) - 1, levels[-1].lead_in
        elif kind == "table_row" or (draft.row and kind != "heading"):
            lead_in = paragraph
        else:
            interrupted = levels or interrupted
            if kind == "heading":
                # The header row of a table stands between the rows and their lead-in.
                paragraph, interrupted = (paragraph if draft.row else None), []
            else:
                paragraph = i
            levels = []
        mark_end = draft.mark.end if draft.mark else 0
        result.append(Block(draft.start, draft.end, kind, depth, lead_in, mark_end))
    return result


def _leaves(levels: Sequence[_Level], indent: int, style: str) -> bool:
    """Whether an item of this indent and style ends the innermost level."""
    inner = levels[-1]
    if indent != inner.indent:
        return indent < inner.indent
    # At the same indent another style opens a nested list, unless an outer one has it.
    return style != inner.style and any(
        level.style == style and level.indent == indent for level in levels[:-1]
    )


def _resumed(levels: Sequence[_Level], style: str, value: int | None) -> _Level | None:
    """The level that goes on after a paragraph inside its list: 2. after 1."""
    for level in levels:
        if level.style == style and level.value is not None and value == level.value + 1:
            return level
    return None
