r"""A document: its text, and the blocks that it is built of.

    >>> [(b.kind, b.lead_in) for b in Document("We collect:\n\n- your name\n").blocks]
    [('paragraph', None), ('list_item', 0)]

Of plain text and Markdown the blocks are told by the words; a web page or a PDF says
more, and `composed` builds the document from what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from policyclf.blocks import Block, Furniture, blocks, nested
from policyclf.kinds import Draft, Kind, drafted, kinds
from policyclf.lines import Line, lines
from policyclf.wrapping import joined

__all__ = ["Document", "Part", "composed"]


@dataclass(frozen=True, slots=True, init=False)
class Document:
    """What was read: `policyclf.read(path)` gives one, `policyclf.classify` takes one.

    `text` is what the places of clauses count in: a text file's characters as they stand;
    of a web page or a PDF its words in reading order, blocks on lines of their own,
    cells parted by tabs. `blocks` are the headings, paragraphs, list items and table
    rows, spans of `text` in order.
    """

    text: str
    blocks: tuple[Block, ...]

    def __init__(self, text: str, blocks_of: Sequence[Block] | None = None) -> None:
        """`blocks_of` are the blocks of `text`; told by its words and its marks where None."""
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "blocks", tuple(blocks(text) if blocks_of is None else blocks_of))


@dataclass(slots=True)
class Part:
    """A stretch of a page that stands by itself, and what the page says of it.

    `text` has its lines parted by "\\n"; it holds more than white space. `kind` is None
    where only the words can tell. `level` counts the lists that an item is in, from 1.
    """

    text: str
    kind: Kind | None = None
    level: int = 0
    lead: int | None = None  # index of the part that leads this one in, where the page says
    indent: int = 0  # columns that a part without a level stands to the right
    title: bool = False  # set as titles are (bold, large): a heading, where its words allow
    furniture: Furniture | None = None


def composed(parts: Sequence[Part]) -> Document:
    """The document that `parts` make up, in their order.

    Page furniture is kept apart: what stands in it says nothing about the kind of a
    block of the document proper, nor leads one in.
    """
    text, places = _text_of(parts)
    drafts: list[Draft] = []
    owners: list[int] = []  # the part of each draft
    for i, (part, start) in enumerate(zip(parts, places, strict=True)):
        for group in _groups(part):
            drafts.append(_placed(drafted(group), part, start, i > 0))
            owners.append(i)
    result: list[Block | None] = [None] * len(drafts)
    for furnished in (False, True):
        chosen = [d for d, i in enumerate(owners) if bool(parts[i].furniture) == furnished]
        for d, block in zip(chosen, _blocks(drafts, owners, parts, chosen), strict=True):
            result[d] = block
    return Document(text, [block for block in result if block is not None])


def _text_of(parts: Iterable[Part]) -> tuple[str, list[int]]:
    """The text of a document, and where in it each part begins."""
    pieces: list[str] = []
    places: list[int] = []
    at, before = 0, None
    for part in parts:
        close = before is not None and before.kind == part.kind and part.kind in ("list_item", "table_row")
        gap = "" if before is None else "\n" if close or (before.level and part.level) else "\n\n"
        gap += "  " * (part.level - 1) + " " * part.indent
        pieces += [gap, part.text]
        places.append(at + len(gap))
        at += len(gap) + len(part.text)
        before = part
    return "".join([*pieces, "\n" if pieces else ""]), places


def _groups(part: Part) -> list[list[Line]]:
    """The lines of `part`, those of one block together."""
    found = list(lines(part.text))
    if part.kind in ("heading", "table_row"):
        return [found]
    return joined(found)


def _placed(draft: Draft, part: Part, start: int, below: bool) -> Draft:
    """`draft`, read from `part` alone, as it stands in the document."""
    first = draft.start == 0
    return replace(
        draft,
        start=draft.start + start,
        end=draft.end + start,
        blanks=draft.blanks + (first and below),
        # A page's list lies deeper than every list that its words alone make.
        indent=1000 * part.level if part.level else draft.indent + part.indent,
        style="page" if part.level else draft.style,
        titled=draft.titled or (part.title and draft.phrase and not draft.ended),
    )


def _blocks(
    drafts: Sequence[Draft], owners: Sequence[int], parts: Sequence[Part], chosen: Sequence[int]
) -> list[Block]:
    """The blocks of the drafts `chosen`, which are all there is to their kinds and lead-ins."""
    known: dict[int, Kind] = {}
    first: dict[int, int] = {}
    for k, d in enumerate(chosen):
        part = parts[owners[d]]
        first.setdefault(owners[d], k)
        kind = part.kind or ("paragraph" if part.furniture else None)
        if kind:
            known[k] = kind
    mine = [drafts[d] for d in chosen]
    found = nested(mine, kinds(mine, known))
    result = []
    for k, (block, d) in enumerate(zip(found, chosen, strict=True)):
        part = parts[owners[d]]
        led = first.get(part.lead) if part.lead is not None else None
        lead_in = block.lead_in if led is None or led >= k else led
        if lead_in is not None and parts[owners[chosen[lead_in]]].furniture != part.furniture:
            lead_in = None  # what leads a menu's items in is no banner's text
        result.append(
            replace(
                block,
                lead_in=None if lead_in is None else chosen[lead_in],
                furniture=part.furniture,
            )
        )
    return result
