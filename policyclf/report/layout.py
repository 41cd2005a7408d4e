"""The layout of a policy: headings, paragraphs, nested lists and tables, as spans of its text.

    >>> [type(node).__name__ for node in layout("# Privacy\\n\\nWe ask for:\\n\\n- your name\\n")]
    ['Heading', 'Paragraph', 'Items']

The blocks are those that classification sees (policyclf.blocks). Marks that only make
layout (`#`, a setext underline, `|` between cells) lie outside the spans; a list's marks
(`-`, `(1)`, `ア.`, `※`) are kept to be shown, since texts refer to them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from policyclf.blocks import Block, blocks
from policyclf.lines import is_row, is_rule, lines, mark_of
from policyclf.wording import is_table_rule

__all__ = ["Heading", "Item", "Items", "Node", "Paragraph", "Rule", "Stretch", "Table", "layout"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """text[start:end], shown in one place; what it leaves out at its ends is layout."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Heading:
    """A title of level 1 (the document's) to 5."""

    level: int
    content: Stretch


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    content: Stretch
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """A list item, the mark that it opens with (may be empty), and the list inside it."""

    mark: Stretch
    content: Stretch
    items: list[Item] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: list[Item]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, (rows, cells of the row); the first row is a header where `headed`."""

    rows: list[list[Stretch]]
    headed: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the page (`---`)."""

    content: Stretch


Node = Heading | Paragraph | Items | Table | Rule

_HASHES = re.compile(r"\s+#+\s*$|\s*\{#[\w-]+\}\s*$")
_QUOTES = re.compile(r"(?:>[ \t]?)+")
_BAR, _TAB = re.compile(r"\s*[|｜]\s*"), re.compile(r"\s*\t\s*")


def layout(text: str, found: Sequence[Block] | None = None) -> list[Node]:
    """The nodes of `text` in reading order; [] where it holds only white space.

    `found` are its blocks; told by its words and marks where None.
    """
    nodes: list[Node] = []
    found = blocks(text) if found is None else found
    level = 0
    at = 0
    while at < len(found):
        block = found[at]
        rows = _rows(text, found, at)
        shown = [_cells(text, row) for row in rows if not _is_ruler(text, row)]
        if len(rows) > 1 and shown:
            headed = rows[0].kind == "heading"
            nodes.append(Table(shown, headed))
            at += len(rows)
        elif block.kind == "list_item":
            run = [block]
            while at + len(run) < len(found) and found[at + len(run)].kind == "list_item":
                if len(_rows(text, found, at + len(run))) > 1:
                    break
                run.append(found[at + len(run)])
            nodes.append(Items(_nested(text, run)))
            at += len(run)
        else:
            if block.kind == "heading":
                # A level is skipped by no more than one: a reader is led by them.
                level = min(_level(text, block, level == 0), level + 1)
                nodes.append(Heading(level, _title(text, block)))
            else:
                nodes.append(_paragraph(text, block))
            at += 1
    return nodes


def _rows(text: str, found: Sequence[Block], at: int) -> list[Block]:
    """The blocks from `at` on that are rows of one table."""
    end = at
    while end < len(found) and _is_row(text, found[end]):
        begins_anew = end > at and found[end].kind == "heading"
        # A blank line parts two tables, unless it stands under a header.
        lines_between = text.count("\n", found[end - 1].end, found[end].start) if end > at else 0
        apart = lines_between > 1 and found[end - 1].kind != "heading"
        if begins_anew or apart:
            break
        end += 1
    return list(found[at:end])


def _is_row(text: str, block: Block) -> bool:
    if block.kind == "table_row" or _is_ruler(text, block):
        return True
    first = next(lines(text[block.start : block.end]), None)
    return first is not None and first.mark is None and is_row(first)


def _is_ruler(text: str, block: Block) -> bool:
    """Whether the block is the `|---|---|` under a header."""
    content = text[block.start : block.end]
    return "|" in content and is_table_rule(content)


def _cells(text: str, block: Block) -> list[Stretch]:
    start, end = block.start, block.end
    tabbed = "\t" in text[start:end]
    if text[start] in "|｜" and not tabbed:
        start += 1
    if text[end - 1] in "|｜" and end - 1 > start and not tabbed:
        end -= 1
    cells: list[Stretch] = []
    for match in (_TAB if tabbed else _BAR).finditer(text, start, end):
        cells.append(_trimmed(text, start, match.start()))
        start = match.end()
    return [*cells, _trimmed(text, start, end)]


def _trimmed(text: str, start: int, end: int) -> Stretch:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Stretch(start, max(start, end))


def _nested(text: str, run: Sequence[Block]) -> list[Item]:
    top: list[Item] = []
    levels = [top]
    for block in run:
        middle = min(block.start + block.mark_end, block.end)
        item = Item(_trimmed(text, block.start, middle), _trimmed(text, middle, block.end))
        depth = min(block.depth, len(levels) - 1)
        levels[depth].append(item)
        levels[depth + 1 :] = [item.items]
    return top


def _level(text: str, block: Block, first: bool) -> int:
    content = text[block.start : block.end]
    mark = mark_of(content)
    if mark and mark.kind == "heading":
        return min(mark.value or 1, 5)
    last = content.rsplit("\n", 1)[-1].strip()
    if "\n" in content and last and set(last) == {"="}:
        return 1
    if first and not mark:
        return 1
    if mark and mark.style.endswith("dotted"):
        return min(2 + len(re.findall(r"[.．\-－‐](?=[0-9０-９])", content[: mark.end])), 5)
    return 2 if mark is None or mark.kind in ("article", "square") or mark.style.endswith("plain") else 3


def _title(text: str, block: Block) -> Stretch:
    start, end = block.start, block.end
    content = text[start:end]
    mark = mark_of(content)
    if mark and mark.kind == "heading":
        start += mark.end
        if match := _HASHES.search(text, start, end):
            end = match.start()
    rows = list(lines(content))
    if len(rows) > 1 and is_rule(rows[-1]):
        end = block.start + rows[-2].end
    return _trimmed(text, start, end) if end > start else Stretch(block.start, block.end)


def _paragraph(text: str, block: Block) -> Node:
    content = text[block.start : block.end]
    first = next(lines(content))
    if is_rule(first) and len(content) == first.end:
        return Rule(Stretch(block.start, block.end))
    if match := _QUOTES.match(content):
        return Paragraph(_trimmed(text, block.start + match.end(), block.end), quoted=True)
    return Paragraph(Stretch(block.start, block.end))
