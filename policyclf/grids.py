"""Tables and definition lists of a web page: which of their cells make one row.

A row of simple cells is one part, its cells parted by tabs, as in the text of a page that
is copied. A cell that holds lines or a list is kept whole: its lines are items, and what
leads them in is the row's first cell. A table without columns or rows to speak of, or
with headings or tables in it, is there for the layout and reads as its cells do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from policyclf.document import Part
from policyclf.furnishing import Origin
from policyclf.lines import mark_of
from policyclf.markup import HEADINGS, Element
from policyclf.wrapping import columns

__all__ = ["Definitions", "Table"]

_LONG = 200  # columns of a definition that is a section's text


@dataclass(slots=True)
class _Cell:
    header: bool
    start: int  # index of its first part
    columns: int  # that it spans
    rows: int


@dataclass(slots=True)
class Table:
    """A table whose rows are read one by one."""

    headed: bool  # some cells are marked as headers
    rows: int
    cells: list[_Cell] = field(default_factory=list)
    in_head: bool = False
    read: int = 0
    spanning: int | None = None  # index of the part whose cell reaches down to this row
    spanned: int = 0  # rows that it reaches down to from here

    @classmethod
    def of(cls, element: Element) -> Table | None:
        """The table that `element` is, None where it is there for the layout."""
        rows = list(_rows(element))
        width = max((sum(cell.tag in ("td", "th") for cell in row) for row in rows), default=0)
        headed = "th" in element.inner
        layout = element.get("role") in ("presentation", "none") or "table" in element.inner
        if layout or width < 2 or (not headed and (len(rows) < 2 or element.inner & HEADINGS)):
            return None
        return cls(headed, len(rows))

    def open(self, tag: str) -> None:
        """A row begins, or the rows of the table's head."""
        if tag == "thead":
            self.in_head = True
        self.cells = []

    def open_cell(self, element: Element, at: int) -> None:
        """A cell begins, whose first part will be number `at`."""
        spans = [_number(element.get(name)) for name in ("colspan", "rowspan")]
        self.cells.append(_Cell(element.tag == "th", at, *spans))

    def close(self, tag: str, parts: list[Part], origins: list[Origin]) -> None:
        """A row ends, or the table's head: the parts of the row's cells are put together."""
        if tag == "thead":
            self.in_head = False
            return
        cells, self.cells = self.cells, []
        if not cells:
            return
        ends = [*(cell.start for cell in cells[1:]), len(parts)]
        held = [(c, parts[c.start : end]) for c, end in zip(cells, ends, strict=True) if end > c.start]
        if not held:
            return
        at = held[0][0].start
        lead = self.spanning if self.spanned else None
        self.spanned = max(0, self.spanned - 1)
        wide = len(cells) > 1 or cells[0].columns > 1
        if self.in_head or (wide and all(cell.header for cell, _ in held)):
            text = "\t".join(" ".join(part.text.split("\n")) for _, inside in held for part in inside)
            _merge(parts, origins, at, Part(text, "heading"))
        elif all(len(inside) == 1 and _is_simple(inside[0]) for _, inside in held):
            # Of a table that marks no headers, the words tell whether the first row is one.
            unknown = not self.headed and not self.read and self.rows > 1 and len(held) > 1
            text = "\t".join(inside[0].text for _, inside in held)
            _merge(parts, origins, at, Part(text, None if unknown else "table_row", lead=lead))
        else:
            self._complex(held, at, lead)
        self.read += 1
        if cells[0].rows > 1 and cells[0].start == at:
            self.spanning, self.spanned = at, cells[0].rows - 1

    def _complex(self, held: list[tuple[_Cell, list[Part]]], at: int, lead: int | None) -> None:
        """The first cell leads in the outermost items of the others."""
        first = held[0][1]
        if len(first) == 1 and len(held) > 1:
            first[0].kind, first[0].lead, first[0].level = "table_row", lead, 0
            lead = at
        for _, inside in held:
            outermost = min((part.level for part in inside if part.level), default=0)
            for part in inside:
                if part.kind == "list_item" and part.level == outermost:
                    part.lead = lead


class Definitions:
    """A definition list, read name by name."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, int]] = []

    def open(self, tag: str, parts: list[Part], origins: list[Origin]) -> None:
        """A name (dt) or what is said of it (dd) begins."""
        if tag == "dt" and any(entry == "dd" for entry, _ in self._entries):
            self.close(parts, origins)
        self._entries.append((tag, len(parts)))

    def close(self, parts: list[Part], origins: list[Origin]) -> None:
        """The names since the last call and what is said of them are put together."""
        entries, self._entries = self._entries, []
        if not entries:
            return
        ends = [*(start for _, start in entries[1:]), len(parts)]
        held = [(tag, start, end) for (tag, start), end in zip(entries, ends, strict=True) if end > start]
        if not held or held[0][0] != "dt":
            return
        at = held[0][1]
        named = len(held) > 1 and all(tag == "dd" for tag, _, _ in held[1:])
        simple = named and all(end - start == 1 and _is_simple(parts[start]) for _, start, end in held)
        if simple and not _is_section(parts, at):
            others = parts[at + 2 :]
            _merge(parts, origins, at, Part(f"{parts[at].text}\t{parts[at + 1].text}", "table_row"), 2)
            for part in others:
                part.kind, part.level, part.lead = "list_item", 1, at
            return
        for tag, start, end in held:
            for part in parts[start:end] if tag == "dt" else ():
                part.title = part.kind is None


def _is_section(parts: list[Part], at: int) -> bool:
    """Whether a name and what is said of it are a title and its text."""
    name, said = parts[at].text, parts[at + 1].text
    return columns(said) > _LONG or name.endswith(("?", "？")) or mark_of(name) is not None


def _is_simple(part: Part) -> bool:
    return "\n" not in part.text and part.kind != "heading" and part.level < 2


def _merge(parts: list[Part], origins: list[Origin], at: int, row: Part, count: int | None = None) -> None:
    """Put `row` in the place of `count` parts from `at` on, of all where None."""
    end = len(parts) if count is None else at + count
    links = {origin.link for origin in origins[at:end]}
    origins[at].link = links.pop() if len(links) == 1 else ""
    origins[at].button = all(origin.button for origin in origins[at:end])
    parts[at:end] = [row]
    del origins[at + 1 : end]


def _rows(element: Element) -> Iterator[list[Element]]:
    """The cells of each row, of this table alone."""
    for child in element.children:
        if isinstance(child, str):
            continue
        if child.tag == "tr":
            yield [cell for cell in child.children if not isinstance(cell, str)]
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from _rows(child)


def _number(value: str) -> int:
    return min(int(value), 1000) if value.isdecimal() and len(value) < 6 else 1
